"""TensorFlow's start, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from besom.rnn import environment
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
