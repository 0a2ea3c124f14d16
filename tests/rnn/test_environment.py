"""Tests how TensorFlow starts, in a process of its own, and the cache of programs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from besom.rnn import environment
from besom.rnn.environment import ProgramCache
from tests.rnn.conftest import start

START = """
import os
from besom.rnn import environment
environment.prepare()
import tensorflow as tf
cache = environment.program_cache()
print(os.environ.get("TF_XLA_FLAGS"))
tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1))
print(len(list(cache.folder.glob("*.pb"))) if cache else None)
"""


def test_tensorflow_starts_quietly_and_keeps_its_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("TF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "with a space"))
    ended = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split() == ["None", "1"]  # child processes have flags of their own


def test_the_users_own_flags_are_left_alone(tmp_path: Path) -> None:
    flags = "--tf_xla_max_cluster_size=9"
    out, _ = start(START, cache=tmp_path, TF_XLA_FLAGS=flags).communicate(timeout=60)
    assert out.split() == [flags, "None"]
    assert not (tmp_path / "programs").exists()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "programs").touch()
    out, err = start(START, cache=tmp_path).communicate(timeout=60)
    assert out.split() == ["None", "None"]
    assert "not kept" in err


def test_threads_are_the_limit_or_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert environment.threads() == 3
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "0")
    monkeypatch.setattr(environment, "cores", lambda: 7)
    assert environment.threads() == 7


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_least_recently_used_make_room_and_nothing_but_programs_goes(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    assert ProgramCache(folder, "here").folder == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "folder").mkdir()
    for name, written, read in (("a", 1, 1), ("b", 2, 2), ("c", 1, 3), ("d", 4, 1)):
        (folder / name).write_bytes(bytes(10))
        os.utime(folder / name, (read, written))
    ProgramCache(folder, "here", limit=25)
    assert entries(folder) == ["c", "d", "folder"]


def test_a_platform_finds_and_removes_its_own_programs_only(tmp_path: Path) -> None:
    cache, other = ProgramCache(tmp_path, "1 thread"), ProgramCache(tmp_path, "2 threads")
    for each in (cache, other):
        prefix = each.flags.rpartition("=")[2]
        (tmp_path / f"{prefix}__1__2__XLA_CPU_JIT.pb").touch()
    assert len(entries(tmp_path)) == 2
    cache.clear()
    [left] = entries(tmp_path)
    assert left.startswith(other.flags.rpartition("=")[2])


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    """XLA would otherwise fail with every program."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        ProgramCache(tmp_path / "file", "here")
