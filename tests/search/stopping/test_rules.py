"""Tests the rules that end a sweep early, on studies in memory."""

import importlib.util
from collections.abc import Sequence
from math import inf, log10, nan

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from besom.common.errors import ConfigError, UserError
from besom.common.states import State
from besom.search.objective import read_objective
from besom.search.options import StopOptions
from besom.search.space.grammar import read_space
from besom.search.stopping.regret import regret_bound
from besom.search.stopping.rules import check_stop, describe, holding_rule
from besom.search.storage.database import memory_study
from besom.search.study import Study

HAS_TORCH = importlib.util.find_spec("torch") is not None


def study_of(
    *values: float | Sequence[float] | State, directions: Sequence[str] = ("minimize",)
) -> Study:
    """Return a study of trials that ended in this order: with values, or with only a state."""
    study = memory_study(directions)
    for value in values:
        number = study.ask({}).number
        if isinstance(value, State):
            study.tell(number, value)
        else:
            several = value if isinstance(value, Sequence) else [value]
            study.tell(number, State.COMPLETE, several)
    return study


@pytest.mark.parametrize(
    ("direction", "values", "target", "said"),
    [
        ("minimize", (3.0, 1.0, 2.0), 1.0, "hydra.sweeper.stop.target=1: trial 1 has 1"),
        ("minimize", (3.0, 2.0), 1.0, ""),
        ("maximize", (0.2, 0.8612), 0.86, "hydra.sweeper.stop.target=0.86: trial 1 has 0.8612"),
        ("maximize", (0.2, 0.3), 0.86, ""),
        ("maximize", (State.PRUNED, State.FAILED), 0.86, ""),
    ],
)
def test_a_target_is_reached(
    direction: str, values: Sequence[float | State], target: float, said: str
) -> None:
    study = study_of(*values, directions=[direction])
    assert holding_rule(StopOptions(target=target), study, set()) == said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((1.0, 2.0, State.PRUNED), ": 2 trials have ended since trial 0, the best"),
        ((1.0, 2.0), ""),
        ((1.0, 2.0, State.FAILED), ""),  # a failed trial does not count
        ((2.0, 3.0, 1.0), ""),
        (
            (2.0, 1.0, 1.0, 1.0),
            ": 2 trials have ended since trial 1, the best",
        ),  # equal, not better
        ((State.PRUNED, State.PRUNED, State.PRUNED), ""),  # none to compare with
    ],
)
def test_no_better_trial_in_so_many(values: Sequence[float | State], said: str) -> None:
    rule = holding_rule(StopOptions(no_improvement=2), study_of(*values), set())
    assert rule == (f"hydra.sweeper.stop.no_improvement=2{said}" if said else "")


def test_trials_are_counted_as_they_end_not_as_they_begin() -> None:
    study = memory_study(["minimize"])
    long, *short = (study.ask({}).number for _ in range(4))
    for number in short:
        study.tell(number, State.COMPLETE, [2.0])
    study.tell(long, State.COMPLETE, [1.0])
    assert holding_rule(StopOptions(no_improvement=3), study, set()) == ""


def test_several_objectives_are_judged_by_their_front() -> None:
    front = [(1.0, 3.0), (3.0, 1.0), (3.0, 3.0), (2.0, 2.0), (9.0, 9.0)]
    both, rule = ["minimize", "minimize"], StopOptions(no_improvement=1)
    assert holding_rule(rule, study_of(*front[:4], directions=both), set()) == ""
    repeated = [*front[:4], front[0]]  # it adds nothing to the front
    for rows in (front, repeated):
        said = holding_rule(rule, study_of(*rows, directions=both), set())
        assert said.endswith("1 trial has ended since trial 3, the last on the Pareto front")


@pytest.mark.parametrize(
    ("options", "direction", "said"),
    [
        (StopOptions(no_improvement=0), "minimize", r"no_improvement=0: must be at least 1"),
        (StopOptions(target=nan), "minimize", r"target=nan: must be a finite number"),
        (StopOptions(target=inf), "minimize", r"target=inf: must be a finite number"),
        (StopOptions(regret=0.0), "minimize", r"regret=0.0: must be above 0"),
        (StopOptions(regret=-1.0), "minimize", r"regret=-1.0: must be above 0"),
        (StopOptions(target=1.0), ["minimize", "maximize"], r"target=1.0: of 2 objectives none"),
        (StopOptions(regret=1.0), ["minimize", "maximize"], r"regret=1.0: of 2 objectives none"),
    ],
)
def test_refuses_what_could_never_hold(
    options: StopOptions, direction: str | list[str], said: str
) -> None:
    space = read_space({}, ["x=interval(0,1)"], loader=None)
    with pytest.raises(ConfigError, match=said) as refusal:
        check_stop(options, read_objective(None, direction), space)
    assert "\n" not in str(refusal.value)


def test_a_regret_needs_a_key_that_is_searched() -> None:
    with pytest.raises(ConfigError, match=r"regret=1\.0: no key is searched"):
        check_stop(
            StopOptions(regret=1.0), read_objective(None, "minimize"), read_space({}, [], None)
        )


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed: nothing is missing")
def test_says_how_to_install_what_a_regret_needs() -> None:
    space = read_space({}, ["x=interval(0,1)"], loader=None)
    with pytest.raises(UserError, match=r"needs the package torch(.|\n)*\.\[gp\]"):
        check_stop(StopOptions(regret=1.0), read_objective(None, "minimize"), space)


@pytest.mark.skipif(not HAS_TORCH, reason="needs torch, the extra gp")
def test_a_regret_is_bounded_once_there_are_trials_to_judge_by() -> None:
    space = {
        "x": FloatDistribution(-5, 5),
        "rate": FloatDistribution(1e-4, 1, log=True),
        "kind": CategoricalDistribution(["a", "b"]),
    }
    study = memory_study(["minimize"])
    study.use(optuna.samplers.TPESampler(seed=1), optuna.pruners.NopPruner())
    bounds = []
    for number in range(20):
        row = study.ask(space)
        x, rate, kind = (row.params[name] for name in space)
        study.tell(row.number, State.COMPLETE, [x**2 + (log10(rate) + 2) ** 2 + (kind == "a")])
        bounds += [study.regret_bound(set(space))] if number >= 18 else []
    assert bounds[0] is None
    last = bounds[1]
    assert last is not None and last > 0
    said = holding_rule(StopOptions(regret=2 * last), study, set(space))
    assert said.startswith(f"hydra.sweeper.stop.regret={2 * last:.4g}: the best falls short by")
    assert holding_rule(StopOptions(regret=last / 2), study, set(space)) == ""


def test_trials_of_another_space_bound_nothing() -> None:
    study = optuna.create_study()
    for _ in range(30):
        study.tell(study.ask({"y": FloatDistribution(0, 1)}), 1.0)
    assert regret_bound(study, {"x"}) is None


def test_describes_what_is_going_to_end_it() -> None:
    assert describe(StopOptions()) == ""
    assert describe(StopOptions(15, 0.86, 0.002)) == (
        "at 0.86, or after 15 trials without a better one, or at a regret below 0.002"
    )
