import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import cloudpickle
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from omegaconf import DictConfig, OmegaConf

from besom import session
from besom.app.hooks import Hooks, hooked, hooks_of
from besom.session import KerasModel
from besom.tracking import schema
from besom.tracking.decorator import tracked
from tests import warm

APP = Path(__file__).parent / "apps" / "tiny.py"

Tiny = Callable[..., CompletedProcess[str]]


@pytest.fixture
def tiny(root: Path) -> Tiny:
    """Return a function that runs the application in the folder that holds ``root``."""
    return lambda *arguments: warm.run([str(APP), *arguments], root.parent)


def runs(client: MlflowClient) -> list[Run]:
    """Return all runs, oldest first."""
    experiment = client.get_experiment_by_name("tests")
    if experiment is None:
        return []
    found = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])
    return list(found)


def artifact(client: MlflowClient, run: Run, path: str) -> str:
    return Path(client.download_artifacts(run.info.run_id, path)).read_text()


def test_a_killed_run_then_a_good_one(tiny: Tiny, client: MlflowClient) -> None:
    assert tiny("how=kill").returncode == -9
    ended = tiny("units=4", "+model.depth=2")
    assert ended.returncode == 0, ended.stderr
    killed, run = runs(client)
    assert killed.info.status == "KILLED"
    assert killed.data.tags[schema.ERROR] == "its process was killed"
    assert len(client.get_metric_history(killed.info.run_id, "loss")) == 3

    assert run.info.status == "FINISHED"
    assert run.info.run_name == "train units=4 depth=2"
    assert run.data.tags[schema.ROLE] == "train"
    assert run.data.tags["data.digest"] == "abc"
    assert run.data.tags[schema.NODE] == run.data.tags[schema.HOST]
    assert schema.DEVICES not in run.data.tags
    assert run.data.params == {"units": "4", "how": "return", "model.depth": "2"}
    assert run.data.metrics["test_accuracy"] == 0.8125
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(0, 1 / 4), (1, 1 / 5), (2, 1 / 6)]
    assert OmegaConf.create(artifact(client, run, schema.CONFIG_FILE)).units == 4
    assert artifact(client, run, schema.OVERRIDES_FILE) == "- units=4\n- +model.depth=2\n"
    assert artifact(client, run, "words.txt") == "the\n"
    assert "mlflow==" in artifact(client, run, schema.PACKAGES_FILE)
    assert ended.stderr == ""
    lines = [line.split(maxsplit=1) for line in ended.stdout.splitlines()]
    assert ["test_accuracy", "0.8125"] in lines
    assert any(name == "run" and run.info.run_id in text for name, text in lines)
    *_, compare, look = ended.stdout.splitlines()
    assert compare.startswith(f"besom compare {run.info.run_id}  # ")
    assert look.startswith("besom ui  ") and look.endswith("# all runs in MLflow")
    steps = [line.split()[:2] for line in ended.stdout.splitlines()[:4]]
    assert steps == [["step", "loss"], ["0", "0.25"], ["1", "0.2"], ["2", "0.1667"]]


def test_a_failed_run_keeps_its_traceback(tiny: Tiny, client: MlflowClient) -> None:
    assert tiny("how=raise").returncode == 1
    [run] = runs(client)
    assert run.info.status == "FAILED"
    assert run.data.tags[schema.ERROR] == "ZeroDivisionError: no units left"
    traceback = artifact(client, run, schema.TRACEBACK_FILE)
    assert traceback.startswith("Traceback")
    assert 'raise ZeroDivisionError("no units left")' in traceback
    assert "decorator.py" not in traceback


def test_a_terminated_run_is_closed(tiny: Tiny, client: MlflowClient, root: Path) -> None:
    shutil.move(root, root.with_name("elsewhere"))
    ended = tiny("how=terminate", "tracking.root=elsewhere")
    assert ended.returncode == 128 + 15
    client = MlflowClient(f"sqlite:///{root.with_name('elsewhere') / 'mlflow.db'}")
    [run] = runs(client)
    assert run.info.status == "KILLED"
    assert run.data.tags[schema.STATE] == "interrupted"
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 3


def test_bad_input_creates_no_run(tiny: Tiny, client: MlflowClient) -> None:
    ended = tiny("units=0")
    assert "units=0 is below 1" in ended.stderr
    assert runs(client) == []


class Supervisor:
    """A listener like that of a sweep's worker."""

    def __init__(self) -> None:
        self.reports: list[Mapping[str, float]] = []

    def expect(self, steps: int) -> None: ...
    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self.reports.append(metrics)

    def log(self, values: Mapping[str, float | str]) -> None: ...
    def save(self, path: Path) -> None: ...
    def save_model(self, model: KerasModel) -> None: ...
    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None: ...
    def log_dataset(self, dataset: session.LoggedDataset) -> None: ...


HOOKS = Hooks(identity=lambda config: {"data": "abc"})


@tracked
@hooked(HOOKS)
def task(config: DictConfig) -> Any:
    """A task."""
    session.report(0, loss=config.loss)
    return config.loss


def test_in_a_sweep_the_task_is_simply_called(tmp_path: Path) -> None:
    supervisor = Supervisor()
    with session.listening(supervisor):
        assert task(OmegaConf.create({"loss": 0.5})) == 0.5
    assert supervisor.reports == [{"loss": 0.5}]


def test_it_looks_like_the_task_and_can_be_shipped() -> None:
    assert (task.__name__, task.__doc__) == ("task", "A task.")
    assert replace(hooks_of(task), check=HOOKS.check) == HOOKS
    shipped = cloudpickle.loads(cloudpickle.dumps(task))
    with session.listening(Supervisor()):
        assert shipped(OmegaConf.create({"loss": 0.5})) == 0.5
    assert hooks_of(shipped).identity(OmegaConf.create({})) == {"data": "abc"}
