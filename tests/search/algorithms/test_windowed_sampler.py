from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from besom.common.errors import ConfigError
from besom.search.algorithms.options import HyperbandPruner, TpeSampler
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler
from besom.search.algorithms.windowed_sampler import N_BEST, window

SPACE = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}
MINIMIZE = (StudyDirection.MINIMIZE,)


def history(
    n_trials: int, state_of: Callable[[int], TrialState] = lambda number: TrialState.COMPLETE
) -> list[FrozenTrial]:
    """Return trials whose values fall with their numbers; to minimize, the newest is the best."""
    trials = []
    for number in range(n_trials):
        state = state_of(number)
        value = None if state is not TrialState.COMPLETE else float(n_trials - number)
        trial = create_trial(state=state, value=value)
        trial.number = number
        trials.append(trial)
    return trials


def numbers(trials: list[FrozenTrial]) -> list[int]:
    return [trial.number for trial in trials]


def test_the_newest_and_the_best_are_shown_by_number() -> None:
    trials = history(100)
    assert numbers(window(trials, 40, MINIMIZE)) == list(range(60, 100))
    best = list(range(N_BEST))
    maximize = (StudyDirection.MAXIMIZE,)
    assert numbers(window(trials, 40, maximize)) == [*best, *range(60, 100)]
    assert numbers(window(trials, 40, MINIMIZE * 2)) == list(range(60, 100))


@pytest.mark.parametrize("n_feasible", [30, 5])
def test_what_is_feasible_is_among_the_best_before_what_violates_least(n_feasible: int) -> None:
    """TPE ranks them so too. The violation of the infeasible trials rises with their number."""
    trials = history(100)
    for trial in trials:
        trial.set_constraint("size", max(-1.0, trial.number + 1.0 - n_feasible))
        trial.set_constraint("ms", -9.0)
    best = range(n_feasible - N_BEST, n_feasible) if n_feasible > N_BEST else range(N_BEST)
    assert numbers(window(trials, 10, MINIMIZE)) == [*best, *range(90, 100)]


def test_what_runs_is_shown_however_old() -> None:
    def state_of(number: int) -> TrialState:
        return TrialState.RUNNING if number in (0, 99) else TrialState.PRUNED

    assert numbers(window(history(100, state_of), 10, MINIMIZE)) == [0, *range(89, 100)]


def proposals(options: TpeSampler, pruner: Any = None) -> list[dict[str, float]]:
    study = optuna.create_study(sampler=make_sampler(options, (), 0), pruner=pruner)
    params = []
    for _ in range(40):
        trial = study.ask(SPACE)
        params.append(trial.params)
        study.tell(trial, sum(trial.params.values()))
    return params


def test_a_long_history_proposes_what_the_whole_one_does() -> None:
    assert proposals(TpeSampler(seed=3, history=40)) == proposals(TpeSampler(seed=3))


def test_a_short_history_proposes_something_else() -> None:
    # The first 10 are drawn at random, and all are shown until 25 have ended.
    short, whole = proposals(TpeSampler(seed=3, history=10)), proposals(TpeSampler(seed=3))
    assert short[:10] == whole[:10] and short[30:] != whole[30:]


def test_it_works_within_hyperbands_brackets() -> None:
    pruner = make_pruner(HyperbandPruner(max_resource=9))
    assert len(proposals(TpeSampler(seed=3, history=10), pruner)) == 40


@pytest.mark.parametrize("too_short", [0, 9, -1])
def test_a_history_shorter_than_the_start_is_refused(too_short: int) -> None:
    with pytest.raises(ConfigError, match=rf"history={too_short}: must be null, or at least"):
        make_sampler(TpeSampler(history=too_short), (), 0)
