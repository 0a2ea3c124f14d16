"""``hydra.sweeper.keep_models`` deletes the models of beaten trials, and no others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from besom.common.errors import ConfigError
from besom.common.keras_model import KerasModel, TensorSpec
from besom.common.states import State
from besom.search.algorithms.options import NoPruner, TpeSampler
from besom.search.check import check_options
from besom.search.options import ConfirmOptions, SweepOptions
from besom.search.study import Study
from besom.sweep.retention.models import KeptModels
from besom.tracking import schema
from besom.tracking.record import Record
from besom.workers.messages import Assignment, FromWorker, Outcome, Told
from tests.sweep.conftest import Bench, Driver

SPEC = TensorSpec((None, 1), "float32")
POINTS = tuple({"x": x} for x in (0.1, -0.2, 0.3, -0.4, 0.6))
"""Of trials 1 to 5, after the baseline x=0.5: trial 1 is the best, trial 5 the worst."""


def saving(folder: Path) -> Any:
    def script(assignment: Assignment) -> Iterator[FromWorker]:
        file = folder / f"{assignment.trial}.keras"
        file.write_text("weights")
        yield Told("save_model", (KerasModel(file, SPEC, SPEC),))
        x = float(assignment.overrides[-1].partition("=")[2])
        yield Outcome(State.COMPLETE, {"loss": x * x}, seconds=0.1)

    return script


def swept(bench: Bench, **options: Any) -> tuple[Driver, Study]:
    driver, study, _ = bench.driver(saving(bench.root.parent), enqueued=POINTS, **options)
    driver.run()
    KeptModels(driver.sweep).settle()
    bench.record.flush()
    return driver, study


def kept(bench: Bench, study: Study) -> list[int]:
    """Return the trials that have a model; assert that all other runs are tagged as deleted."""
    client = MlflowClient(bench.record.uri)
    models = {model.source_run_id for model in client.search_logged_models(["1"])}
    found = []
    for row in study.rows():
        run = client.get_run(row.notes["run_id"])
        assert (run.info.run_id in models) != (schema.MODEL_DELETED in run.data.tags)
        found += [row.number] if run.info.run_id in models else []
    return found


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"keep_models": "best 2"}, [1, 2]),
        ({"keep_models": "none"}, []),
        ({"keep_models": "none", "confirm": ConfirmOptions(top_k=2)}, [0, 1, 2]),
        ({"keep_models": "best 3", "confirm": ConfirmOptions(top_k=1)}, [0, 1, 2, 3]),
    ],
)
def test_the_beaten_ones_go(bench: Bench, options: Any, numbers: list[int]) -> None:
    _, study = swept(bench, n_trials=6, **options)
    assert kept(bench, study) == numbers
    _, study = swept(bench, n_trials=6, **options)  # a resume changes nothing
    assert kept(bench, study) == numbers


class Killed(BaseException):
    """Raised in place of a SIGKILL, which would leave the record in the same state."""


@pytest.mark.parametrize(
    ("owner", "name", "at"),
    [(Record, "delete_model", 2), (Study, "remember", "models_deleted")],
)
def test_a_kill_while_they_go_has_them_asked_for_again(
    bench: Bench, owner: type, name: str, at: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    do = getattr(owner, name)

    def dies(self: Any, *arguments: Any) -> Any:
        calls.append(arguments[0])
        if at in (len(calls), arguments[0]):
            raise Killed
        return do(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dies)
        with pytest.raises(Killed):
            swept(bench, n_trials=6, keep_models="best 2")
    for _ in range(2):
        _, study = swept(bench, n_trials=6, keep_models="best 2")
        assert kept(bench, study) == [1, 2]
    assert study.recall("models_deleted") == [0, 3, 4, 5]


def test_several_objectives_keep_their_front(bench: Bench) -> None:
    def script(assignment: Assignment) -> Iterator[FromWorker]:
        *said, _ = saving(bench.root.parent)(assignment)
        yield from said
        x = float(assignment.overrides[-1].partition("=")[2])
        yield Outcome(State.COMPLETE, {"loss": x * x, "size": abs(x - 0.5)}, seconds=0.1)

    options = {"objective": ["loss", "size"], "direction": ["minimize", "minimize"]}
    driver, study, _ = bench.driver(
        script, enqueued=POINTS, n_trials=6, keep_models="best 1", **options
    )
    driver.run()
    KeptModels(driver.sweep).settle()
    bench.record.flush()
    assert kept(bench, study) == [row.number for row in study.best()] == [0, 1, 3]


def test_trials_of_other_code_are_left_alone(bench: Bench) -> None:
    swept(bench, n_trials=3)
    _, study = swept(bench, n_trials=8, keep_models="best 1", code="1" * 64)
    assert kept(bench, study)[:3] == [0, 1, 2]
    assert len(kept(bench, study)) == 4


@pytest.mark.parametrize("given", ["best 0", "best", "best -1", 3, "some", "best 1.5"])
def test_another_word_is_refused_in_a_line(given: Any) -> None:
    options = SweepOptions(
        study_name="a", sampler=TpeSampler(), pruner=NoPruner(), keep_models=given
    )
    said = rf"^hydra.sweeper.keep_models={given}: take all, none, or best N with N above 0.$"
    with pytest.raises(ConfigError, match=said):
        check_options(options)
