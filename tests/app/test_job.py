"""How a sweep sends the application's task to its workers, and names what cannot be sent."""

import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import cloudpickle
import pytest
from hydra._internal.callbacks import Callbacks
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.basecontainer import BaseContainer

from besom.app import job
from besom.app.hooks import hooks_of
from besom.common.errors import ConfigError
from besom.rnn.__main__ import task
from besom.rnn.check import check_config
from besom.rnn.train import check_data, train
from tests.workers.conftest import runner_in

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
    assert len(shipped) < 10_000  # pickled by reference where possible
    assert pickle.loads(shipped).__name__ == "train"

    ended = subprocess.run([sys.executable, "-c", UNPICKLE], input=shipped, capture_output=True)
    assert ended.stderr == b""
    assert ended.stdout.decode().split() == ["train", "besom.rnn.train", "False"]


class Client:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def get(self, key: str) -> str:
        return key


class Locked(Client, Callback):
    pass


class Collecting(Callback):
    def on_job_end(self, config: DictConfig, job_return: object, **kwargs: object) -> None: ...

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None: ...


class Writing(Callback):
    def on_job_end(self, config: DictConfig, job_return: object, **kwargs: object) -> None: ...

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None: ...


def with_callbacks(runner: job.JobRunner, **kinds: type) -> None:
    named = {name: {"_target_": f"{__name__}.{kind.__name__}"} for name, kind in kinds.items()}
    OmegaConf.update(runner.master, "hydra.callbacks", named, merge=False, force_add=True)
    runner.context.callbacks = Callbacks(runner.master)


LOCK = "cannot be sent to workers: TypeError: cannot pickle '_thread.lock' object;\nmake that"


def test_what_cannot_be_sent_to_workers_is_named(tmp_path: Path) -> None:
    with runner_in(tmp_path, lambda config: 0.0) as runner:
        with_callbacks(runner, writes=Writing, collect=Locked)
        with pytest.raises(ConfigError) as refusal:
            job.dump(runner)
        assert str(refusal.value).startswith(f"callback `collect` ({__name__}.Locked) {LOCK} in")
        with_callbacks(runner)
        OmegaConf.register_new_resolver("client", Client().get)
        try:
            with pytest.raises(ConfigError) as refusal:
                job.dump(runner)
        finally:
            BaseContainer._resolvers.pop("client")
        assert str(refusal.value).startswith(f"resolver `client` {LOCK} when")
        client = Client()
        with pytest.raises(ConfigError) as refusal:
            job.dump(replace(runner, task=lambda config: client.get("x")))
        assert str(refusal.value).startswith(f"the task {LOCK} at")


REMARKS = """
import sys
from besom.app import job
print(*job.load(sys.stdin.buffer.read())[1], sep="\\n")
"""


def test_a_callback_of_hydras_that_collects_over_jobs_is_named(tmp_path: Path) -> None:
    with runner_in(tmp_path, lambda config: 0.0) as runner:
        with_callbacks(runner, writes=Writing, collect=Collecting)
        payload = job.dump(runner)
    ended = subprocess.run([sys.executable, "-c", REMARKS], input=payload, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()
    (remark,) = ended.stdout.decode().splitlines()
    assert remark.startswith(f"callback `collect` ({__name__}.Collecting): the workers have copies")
    assert "are told (on_job_end); collect over trials with hydra.sweeper.callbacks" in remark
