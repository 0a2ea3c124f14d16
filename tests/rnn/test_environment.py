"""TensorFlow's start, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from besom.rnn import environment

START = """
import os
from besom.rnn import environment
environment.prepare()
import tensorflow as tf
print(os.environ["TF_XLA_FLAGS"])
tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1))
"""


def started(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", START],
        env={**kept, "BESOM_CACHE": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        check=True,
    )


def test_tensorflow_starts_quietly_and_keeps_its_programs(tmp_path: Path) -> None:
    ended = started(tmp_path)
    assert ended.stderr == ""
    assert str(tmp_path) in ended.stdout
    assert len(list(tmp_path.glob("xla/*/*"))) == 1


def test_the_users_own_flags_are_left_alone(tmp_path: Path) -> None:
    assert (
        started(tmp_path, TF_XLA_FLAGS="--tf_xla_max_cluster_size=9").stdout.strip().endswith("9")
    )
    assert not (tmp_path / "xla").exists()


def test_old_programs_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "KEPT_PROGRAMS", 2)
    environment._program_cache_flags()
    folder = environment._program_folder()
    for age, name in enumerate(["newest", "newer", "old", "oldest"]):
        (folder / name).touch()
        os.utime(folder / name, (2e9 - age, 2e9 - age))
    environment._program_cache_flags()
    assert {path.name for path in folder.iterdir()} == {"newest", "newer"}
    environment.forget_programs()
    assert list(folder.iterdir()) == []


def test_threads_are_the_limit_or_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert environment.threads() == 3
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "0")
    monkeypatch.setattr(environment, "_cores", lambda: 7)
    assert environment.threads() == 7
