"""The application's task, as a sweep ships it to its workers."""

import pickle
import subprocess
import sys
from dataclasses import replace

import cloudpickle

from besom.app.hooks import hooks_of
from besom.rnn.__main__ import task
from besom.rnn.check import check_config
from besom.rnn.train import check_data, train

UNPICKLE = """
import pickle, sys
task = pickle.load(sys.stdin.buffer)
from besom.app.hooks import hooks_of
print(task.__name__, hooks_of(task).identity.__module__, 'tensorflow' in sys.modules)
"""


def test_the_task_keeps_the_hooks_of_the_training() -> None:
    hooks = hooks_of(train)
    assert hooks.check is check_config and hooks.check_data is check_data
    assert replace(hooks_of(task), check=check_config) == hooks


def test_the_task_travels_to_a_process_that_has_nothing_loaded() -> None:
    shipped = cloudpickle.dumps(task)
    assert len(shipped) < 10_000  # by reference wherever it can
    assert pickle.loads(shipped).__name__ == "train"

    ended = subprocess.run([sys.executable, "-c", UNPICKLE], input=shipped, capture_output=True)
    assert ended.stderr == b""
    assert ended.stdout.decode().split() == ["train", "besom.rnn.train", "False"]
