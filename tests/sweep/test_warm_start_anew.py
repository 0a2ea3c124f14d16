"""Imported trials alone do not begin a study: its space and objective may still change."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from besom.common.errors import ConfigError, StudyError
from besom.common.states import State
from besom.search.storage.database import open_study
from besom.search.study import Study
from besom.search.warm_start.imported_trials import bring_in, imported
from besom.search.warm_start.trials import SourceTrial, Transferred, WarmStart
from besom.sweep.identity.fingerprint import sentences
from besom.sweep.plan import Plan
from besom.sweep.run import _open
from tests.sweep.conftest import Bench

SPACE = "x=interval(-1,1)"


def plan_of(
    bench: Bench, *points: Any, space: str = SPACE, n_best: int = 0, **options: Any
) -> Plan:
    """Return the plan of a sweep that imports trials of a study `wide`: x in ``points``, loss 1."""
    plan = bench.plan(space=space, study_name="bench", **options)
    searched = plan.space.distributions
    sources = [SourceTrial(number, {"x": x}, (1.0,)) for number, x in enumerate(points)]
    given = [Transferred("wide", one, one.params, searched) for one in sources]
    return replace(plan, warm_start=WarmStart(("wide",), given, n_best))


@contextmanager
def opened(plan: Plan) -> Iterator[Study]:
    with ExitStack() as stack:
        yield _open(plan, stack)


def points(study: Study) -> list[Any]:
    return [trial.params["x"] for trial in imported(study)]


@pytest.mark.parametrize(
    "changed",
    [{"direction": "maximize"}, {"objective": "error"}, {"space": "x=choice(0.25,0.5)"}],
)
def test_what_was_given_is_replaced_before_the_first_trial(
    bench: Bench, changed: dict[str, str]
) -> None:
    """Optuna refuses a categorical parameter where a trial has a number of the same name."""
    with opened(plan_of(bench, 0.25, 0.75, n_best=2)) as study:
        assert points(study) == [0.25, 0.75] and study.n_waiting == 3
        assert study.is_unjudged and not study.has_begun
    today = plan_of(bench, 0.5, 0.25, **changed)
    with opened(today) as study:
        assert points(study) == [0.5, 0.25]
    with opened(today) as study:  # from the database
        assert points(study) == [0.5, 0.25] and study.n_waiting == 1
        rows = [study.ask(today.space.distributions) for _ in range(2)]
        assert rows[0].params == {"x": 0.5}
        assert [row.state for row in study.rows()] == ["running", "running"]
        states = [trial.state for trial in study.storage.everything()]
        assert states.count(TrialState.FAIL) == 4 and len(states) == 8


def test_once_a_trial_has_begun_it_is_held_to_what_it_was_given_for(bench: Bench) -> None:
    with opened(plan_of(bench, 0.25)) as study:
        study.ask(bench.plan().space.distributions)
    with (
        pytest.raises(StudyError, match="search space, x"),
        opened(plan_of(bench, 0.25, space="x=choice(0.25,0.5)")),
    ):
        pass
    with opened(plan_of(bench, 0.75, objective="error")) as study:  # no trial has ended yet
        assert points(study) == [0.75]
        (row,) = study.rows()
        study.tell(row.number, State.COMPLETE, [1.0])
    with pytest.raises(StudyError, match="objective: error → loss"), opened(plan_of(bench, 0.25)):
        pass


def test_what_resolvers_return_is_remembered_beside_what_was_given(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = OmegaConf.create({"x": 0.5, "bias": "${oc.decode:${oc.env:BIAS,0}}"})
    plan = replace(plan_of(bench, 0.25), baseline=written)
    with opened(plan) as study:
        assert study.recall("resolved") == {"bias": 0}
        study.ask(plan.space.distributions)
    monkeypatch.setenv("BIAS", "50")
    with opened(plan) as study:
        assert any("(bias: 0 → 50)" in line for line in sentences(plan, study))


def test_studies_that_cannot_be_read_any_more_are_missed_only_where_they_are_needed(
    bench: Bench,
) -> None:
    gone = WarmStart(("wide",), unread="wide cannot be read")
    with opened(plan_of(bench, 0.25)) as study:
        bring_in(study, gone)
        assert points(study) == [0.25]
    other = replace(plan_of(bench, space="x=choice(0.25,0.5)"), warm_start=gone)
    with pytest.raises(ConfigError, match="wide cannot be read"), opened(other):
        pass
    storage = f"sqlite:///{bench.root / 'optuna.db'}"
    with closing(open_study("bench", storage, ["minimize"])) as study:
        assert not points(study) and study.recall("warm_start") is None
