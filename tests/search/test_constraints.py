"""Tests constraints: what they allow, and how samplers and studies use them."""

import math
from pathlib import Path
from typing import Any

import optuna
import pytest

from besom.common.errors import ConfigError
from besom.common.states import State
from besom.search.algorithms.options import (
    AshaPruner,
    CmaesSampler,
    MedianPruner,
    NoPruner,
    NsgaIISampler,
    RandomSampler,
    TpeSampler,
)
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.remarks import unconstrained
from besom.search.algorithms.samplers import make_sampler
from besom.search.constraints import Constraint, Constraints
from besom.search.feasibility import best_of, refuse_unknown
from besom.search.objective import NoObjective
from besom.search.space.grammar import read_space
from besom.search.storage.database import open_study
from besom.search.study import Study

SPACE = read_space({}, ["x=interval(0,1)"], loader=None)
SMALL = Constraints.read({"size": "<= 50"})


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        ("<= 4e6", [4e6, -math.inf], [4e6 + 1, math.inf, math.nan]),
        ("< 5", [4.9], [5.0, 6.0, math.nan]),
        (">=0.8", [0.8, math.inf], [0.79, -math.inf, math.nan]),
        (" > -1.5 ", [-1.0], [-1.5, -2.0, math.nan]),
    ],
)
def test_a_comparison_allows_and_says_how_far_off(
    text: str, allowed: list[float], refused: list[float]
) -> None:
    constraint = Constraint.read("size", text)
    for value in allowed:
        assert constraint.allows(value) and constraint.violation(value) <= 0
    for value in refused:
        assert not constraint.allows(value) and 0 < constraint.violation(value) < math.inf


@pytest.mark.parametrize("text", ["4e6", 4e6, "<= many", "== 3", "<= nan", "< inf", "", None, True])
def test_what_is_no_comparison_is_refused_in_a_line(text: Any) -> None:
    with pytest.raises(ConfigError, match=r" '<= 4e6'") as error:
        Constraints.read({"size": text})
    said = f"hydra.sweeper.constraints.size: {text!r} is no comparison"
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


def test_names_with_dots_come_from_a_command_line_as_mappings() -> None:
    found = Constraints.read({"test": {"loss": "< 1"}, "a.b": ">= 2"})
    assert str(found) == "test.loss < 1, a.b >= 2"
    assert Constraints.read(found.texts) == found


def test_what_is_not_known_is_held_against_a_complete_trial_alone() -> None:
    both = Constraints.read({"size": "<= 50", "ms": "< 5"})
    assert both.why_infeasible({"size": 51.0}, is_complete=True) == (
        "size 51, not <= 50; ms not known"
    )
    assert both.why_infeasible({"size": 50.0}, is_complete=False) == ""
    assert both.violations({"size": 49.0}, is_complete=False) == {"size": -1.0}
    assert both.violations({"size": 49.0}, is_complete=True)["ms"] > 0


def test_a_complete_trial_must_say_what_is_constrained() -> None:
    with pytest.raises(NoObjective, match="returned loss, but not the constrained metric size"):
        refuse_unknown(SMALL, {"loss": 1.0}, {})
    with pytest.raises(ValueError, match="the constrained metric size is nan"):
        refuse_unknown(SMALL, {"size": math.nan}, {})


def test_a_sampler_that_learns_nothing_says_so() -> None:
    assert "learns nothing" in unconstrained(CmaesSampler(), {"size": "<= 50"})
    assert unconstrained(CmaesSampler(), {}) == unconstrained(TpeSampler(), {"a": "< 1"}) == ""


def opened(address: str, options: Any, directions: list[str], constraints: Constraints) -> Study:
    study = open_study("sized", address, directions)
    study.constrain(constraints)
    made = make_sampler(options, SPACE.dimensions, len(study.rows()))
    study.use(made, make_pruner(NoPruner()))
    return study


def swept(study: Study, count: int) -> None:
    """Run trials in which a larger ``x`` improves all objectives, and increases the size."""
    for _ in range(count):
        row = study.ask(SPACE.distributions)
        study.note(row.number, role="trial")
        x = row.params["x"]
        values = [(1 - x) ** 2, 1 - x][: len(study.directions)]
        study.tell(row.number, State.COMPLETE, values, {"measured": {"size": 100 * x}})


@pytest.mark.parametrize(
    ("options", "n_objectives"),
    [
        (TpeSampler(seed=3, n_startup_trials=8), 1),
        (NsgaIISampler(seed=3, population_size=4, mutation_prob=0.2), 2),
    ],
)
def test_what_is_infeasible_teaches_the_sampler_and_never_wins(
    options: Any, n_objectives: int, tmp_path: Path
) -> None:
    """Also in a resumed study."""
    n_late = []
    for number, constraints in enumerate((SMALL, Constraints())):
        address = f"sqlite:///{tmp_path / f'{number}.db'}"
        for n_trials in (8, 22):
            study = opened(address, options, ["minimize"] * n_objectives, constraints)
            swept(study, n_trials)
            study.close()
        rows = study.rows()
        n_late.append(sum(row.params["x"] <= 0.5 for row in rows[12:]))
        assert all(row.params["x"] <= 0.5 for row in study.best()) == bool(constraints)
        assert study.best() == best_of(rows, study.directions)
        kept = optuna.load_study(study_name="sized", storage=address)
        of_optuna = {tuple(trial.values) for trial in kept.best_trials}  # repeats included
        assert of_optuna == {row.values for row in study.best()}
    assert n_late[0] > n_late[1] + 4


@pytest.mark.parametrize(
    "pruner", [MedianPruner(n_startup_trials=2), AshaPruner(reduction_factor=2)]
)
@pytest.mark.parametrize("is_reopened", [False, True])
def test_no_trial_is_pruned_for_the_reports_of_infeasible_ones(
    pruner: Any, is_reopened: bool, tmp_path: Path
) -> None:
    """Also in a study that is opened again. Reports of feasible trials do prune."""
    address = f"sqlite:///{tmp_path / 'optuna.db'}"

    def begun() -> Study:
        study = opened(address, RandomSampler(seed=3), ["minimize"], SMALL)
        study.use(make_sampler(RandomSampler(seed=3), SPACE.dimensions, 0), make_pruner(pruner))
        return study

    def is_pruned(loss: float, size: float) -> bool:
        number = study.ask(SPACE.distributions).number
        study.note(number, role="trial")
        pruned = study.report(number, 1, loss)
        state = State.PRUNED if pruned else State.COMPLETE
        study.tell(number, state, [loss], {"measured": {"size": size}})
        return pruned

    study = begun()
    for loss in (0.1, 0.05, 0.02):
        assert not is_pruned(loss, size=90.0)
    if is_reopened:
        study.close()
        study = begun()
    assert not is_pruned(0.5, size=20.0) and not is_pruned(0.4, size=20.0)
    assert is_pruned(0.9, size=20.0)


def test_other_bounds_judge_the_trials_anew_for_samplers_too(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'optuna.db'}"
    study = opened(address, RandomSampler(seed=3), ["minimize"], SMALL)
    swept(study, 6)
    study.remember("earlier_numbers", {"0": {"ms": 4.0}})
    study.constrain(Constraints.read({"size": "<= 20", "ms": "< 5"}))
    first, others = study.rows()[0], study.rows()[1:]
    assert ("ms" in first.infeasible, first.notes["measured"]["ms"]) == (False, 4.0)
    assert all("ms not known" in row.infeasible for row in others) and not study.best()
    shown = study._study.get_trials(deepcopy=False)
    assert shown[0].constraints.keys() == {"size", "ms"} and shown[0].constraints["ms"] == -1.0
    assert all(trial.constraints["ms"] > 0 for trial in shown[1:])
    study.constrain(Constraints())
    assert len(study.best()) == 1
    assert not any(trial.constraints for trial in study._study.get_trials())
