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
cache = environment.program_cache()
print(os.environ.get("TF_XLA_FLAGS"))
tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1))
print(len(list(cache.folder.glob("*.pb"))) if cache else None)
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
    ended = started(tmp_path / "with a space")
    assert ended.stderr == ""
    assert ended.stdout.split() == ["None", "1"]  # child processes have flags of their own


def test_the_users_own_flags_are_left_alone(tmp_path: Path) -> None:
    flags = "--tf_xla_max_cluster_size=9"
    assert started(tmp_path, TF_XLA_FLAGS=flags).stdout.split() == [flags, "None"]
    assert not (tmp_path / "programs").exists()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "programs").touch()
    ended = started(tmp_path)
    assert ended.stdout.split() == ["None", "None"]
    assert "not kept" in ended.stderr


def test_threads_are_the_limit_or_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert environment.threads() == 3
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "0")
    monkeypatch.setattr(environment, "cores", lambda: 7)
    assert environment.threads() == 7
