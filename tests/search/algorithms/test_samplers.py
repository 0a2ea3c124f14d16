import importlib.util
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

from besom.common.errors import ConfigError, SpaceError, UserError
from besom.common.states import State
from besom.search.algorithms.exhaustive import Grid
from besom.search.algorithms.options import (
    SAMPLERS,
    BruteForceSampler,
    CmaesSampler,
    GpSampler,
    GridSampler,
    NoPruner,
    NsgaIISampler,
    QmcSampler,
    RandomSampler,
    TpeSampler,
)
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.remarks import unguided
from besom.search.algorithms.samplers import make_sampler, rehearse
from besom.search.algorithms.windowed_sampler import WindowedSampler
from besom.search.space.grammar import read_space
from besom.search.storage.database import memory_study
from besom.search.trial_row import IMPORTED

SPACE = read_space({}, ["a=interval(0,1)", "b=range(0,10)"], loader=None)
POINTS = read_space({}, ["a=choice(x,y)", "b=range(0,3)"], loader=None)


def proposals(options: Any, n_existing: int, count: int = 4) -> list[dict[str, Any]]:
    sampler = make_sampler(options, SPACE.dimensions, n_existing)
    study = optuna.create_study(sampler=sampler)
    return [study.ask(SPACE.distributions).params for _ in range(count)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (TpeSampler(), optuna.samplers.TPESampler),
        (TpeSampler(history=500), optuna.samplers.TPESampler),
        (RandomSampler(), optuna.samplers.RandomSampler),
        (QmcSampler(), optuna.samplers.QMCSampler),
        (CmaesSampler(), optuna.samplers.CmaEsSampler),
    ],
)
def test_makes_what_it_is_called(options: Any, expected: type) -> None:
    sampler = make_sampler(options, SPACE.dimensions, 0)
    assert isinstance(sampler, WindowedSampler) and type(sampler._sampler) is expected


def test_every_option_has_a_maker() -> None:
    for record in SAMPLERS:
        try:
            make_sampler(record(), POINTS.dimensions, 0)
        except UserError as error:
            assert "pip install '.[" in str(error)


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is not None, reason="torch is installed: nothing is missing"
)
def test_a_missing_extra_is_named() -> None:
    with pytest.raises(UserError, match=r"\.\[gp\]"):
        make_sampler(GpSampler(), SPACE.dimensions, 0)


def test_a_seed_repeats_the_proposals_and_a_resume_does_not() -> None:
    assert proposals(RandomSampler(seed=7), 0) == proposals(RandomSampler(seed=7), 0)
    assert proposals(RandomSampler(seed=7), 0) != proposals(RandomSampler(seed=7), 4)


@pytest.mark.parametrize("n_theirs", [1, 30])
def test_cmaes_begins_where_trials_of_other_studies_were_good(n_theirs: int) -> None:
    """CMA-ES reads only its own trials, so the others are its ``source_trials``."""
    points = [{"a": 0.9 - n / 1000, "b": 8} for n in range(n_theirs // 2 + 1)]
    points += [{"a": n / 100, "b": n % 4} for n in range(n_theirs // 2)]
    theirs = [
        create_trial(
            params=point,
            distributions=SPACE.distributions,
            value=1 - point["a"],
            user_attrs={IMPORTED: {"study": "wide", "trial": number}},
        )
        for number, point in enumerate(points)
    ]
    sampler = make_sampler(CmaesSampler(seed=1), SPACE.dimensions, 0, theirs)
    study = optuna.create_study(sampler=sampler)
    study.add_trials(theirs)
    for _ in range(9):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, 1 - trial.params["a"])
    own = [t.params["a"] for t in study.trials[len(theirs) + 1 :]]  # the first is random
    assert sum(own) / len(own) > 0.75


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_gp_models_trials_of_other_studies() -> None:
    study = optuna.create_study(sampler=make_sampler(GpSampler(seed=1), SPACE.dimensions, 0))
    for n in range(20):
        point = {"a": n / 20, "b": n % 10}
        mark = {IMPORTED: {"study": "wide", "trial": n}}
        value = abs(point["a"] - 0.8)
        study.add_trial(
            create_trial(
                params=point, distributions=SPACE.distributions, value=value, user_attrs=mark
            )
        )
    assert study.ask(SPACE.distributions).params["a"] > 0.5


@pytest.mark.parametrize("resumed", [False, True])
def test_a_grid_tries_every_point_once_the_enqueued_one_too(resumed: bool) -> None:
    baseline = {"a": "y", "b": 1}
    study = memory_study(["minimize"])
    study.use(make_sampler(GridSampler(seed=3), POINTS.dimensions, 0), make_pruner(NoPruner()))
    study.enqueue(baseline)
    tried = []
    for number in range(6):
        if resumed and number == 3:
            sampler = make_sampler(GridSampler(seed=3), POINTS.dimensions, 3)
            study.use(sampler, make_pruner(NoPruner()))
        tried.append(frozenset(study.ask(POINTS.distributions).params.items()))
    assert tried[0] == frozenset(baseline.items())
    assert len(set(tried)) == 6


@pytest.mark.parametrize(
    ("options", "n_objectives", "said"),
    [
        (CmaesSampler(), 2, "knows one objective"),
        (CmaesSampler(x0={"a": 0.5}), 1, "all distributions"),
        (TpeSampler(n_ei_candidates=-3), 1, "negative"),
        (TpeSampler(seed=-1), 1, "Seed must be"),
        (GpSampler(n_startup_trials=0), 1, "n_startup_trials=0"),
    ],
)
def test_what_a_sampler_cannot_do_is_known_before_anything_starts(
    options: Any, n_objectives: int, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        rehearse(options, SPACE.dimensions, ["minimize"] * n_objectives)
    assert str(error.value).startswith(f"hydra/sweeper/sampler={options.name}: ")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("record", SAMPLERS)
@pytest.mark.parametrize("n_objectives", [1, 2])
def test_what_samplers_can_do_is_not_refused(record: type, n_objectives: int) -> None:
    if record not in (CmaesSampler, GpSampler):
        rehearse(record(), POINTS.dimensions, ["minimize"] * n_objectives)


@pytest.mark.parametrize(
    ("options", "space", "said"),
    [
        (CmaesSampler(), ["a=interval(0,1)"], "draws everything at random"),
        (CmaesSampler(), ["a=interval(0,1)", "b=range(0,9)", "c=choice(x,y)"], "draws c at random"),
        (CmaesSampler(), ["a=interval(0,1)", "b=range(0,9)", "c=choice(x)"], ""),
        (QmcSampler(), ["a=interval(0,1)", "c=choice(x,y)"], "draws c at random"),
        (QmcSampler(), ["a=interval(0,1)"], ""),
        (TpeSampler(), ["c=choice(x,y)"], ""),
    ],
)
def test_what_a_sampler_draws_at_random_is_said(options: Any, space: list[str], said: str) -> None:
    line = unguided(options, read_space({}, space, loader=None).dimensions)
    assert said in line and bool(said) is bool(line)


def test_the_largest_seed_can_be_resumed() -> None:
    assert proposals(RandomSampler(seed=2**32 - 1), 4)


def swept(options: Any, outside: Mapping[str, Any] | None) -> list[optuna.trial.FrozenTrial]:
    """Return twelve trials, run one by one after the baseline; the parameters' sum is the value."""
    study = memory_study(["minimize"])
    study.use(make_sampler(options, SPACE.dimensions, 0), make_pruner(NoPruner()))
    if outside is not None:
        study.enqueue({}, outside)
        assert study.ask(SPACE.distributions).params == {}
        study.tell(0, State.COMPLETE, [-100.0])
    for _ in range(12):
        row = study.ask(SPACE.distributions)
        study.tell(row.number, State.COMPLETE, [sum(row.params.values())])
    return study._study.trials[-12:]


@pytest.mark.parametrize(
    "options",
    [
        TpeSampler(seed=1, n_startup_trials=3),
        TpeSampler(seed=1, n_startup_trials=3, history=5),
        RandomSampler(seed=1),
        QmcSampler(seed=1),
        NsgaIISampler(seed=1, population_size=3),
    ],
)
def test_a_sampler_learns_nothing_from_a_baseline_outside_the_space(options: Any) -> None:
    given = [trial.params for trial in swept(options, {"a": 7})]
    assert given == [trial.params for trial in swept(options, None)]


def test_cmaes_goes_on_taking_all_parameters_together() -> None:  # its seeds use trial numbers
    *_, last = swept(CmaesSampler(seed=1), {"a": 7})
    assert "cma:generation" in last.system_attrs


@pytest.mark.parametrize("resumed", [False, True])
def test_a_baseline_outside_a_grid_comes_on_top(resumed: bool) -> None:
    points = read_space({}, ["a=x,null", "b=range(0,3)"], loader=None)
    study = memory_study(["minimize"])
    study.use(make_sampler(GridSampler(seed=3), points.dimensions, 0), make_pruner(NoPruner()))
    study.enqueue({}, {"a": None, "b": 7})
    tried = set()
    for number in range(7):
        assert not study.exhausted
        if resumed and number == 3:
            sampler = make_sampler(GridSampler(seed=3), points.dimensions, 3)
            study.use(sampler, make_pruner(NoPruner()))
        tried.add(frozenset(study.ask(points.distributions).params.items()))
    assert study.exhausted and len(tried) == 7 and frozenset() in tried


def test_a_grid_has_all_points_and_needs_points() -> None:
    sampler = make_sampler(GridSampler(), POINTS.dimensions, 0)
    assert isinstance(sampler, Grid) and len(sampler._all_grids) == 6
    with pytest.raises(SpaceError, match="continuous"):
        make_sampler(GridSampler(), SPACE.dimensions, 0)


@pytest.mark.parametrize("axis", ["b=range(0,100000)", "b=int(interval(0,1e15))"])
def test_a_grid_larger_than_anybody_waits_for_is_refused(axis: str) -> None:
    space = read_space({}, ["a=choice(x,y)", axis], loader=None)
    with pytest.raises(SpaceError, match="points"):
        make_sampler(GridSampler(), space.dimensions, 0)


def test_a_grid_tells_1_from_true() -> None:
    study = memory_study(["minimize"])
    study.use(grid := Grid({"x": [1, True, 1.0, 2]}, seed=1), make_pruner(NoPruner()))
    proposed = []
    while not study.exhausted:
        [place] = grid._get_unvisited_grid_ids(study._study)
        [value] = grid._all_grids[place]
        proposed.append((type(value), value))
        choices = CategoricalDistribution([value])
        had = create_trial(value=0.0, params={"x": value}, distributions={"x": choices})
        grid.proposed(study._study, [had])
    assert sorted(proposed, key=str) == [(bool, True), (float, 1.0), (int, 1), (int, 2)]


def conditional(trial: Any) -> None:
    """Suggest one more parameter where ``a=x``."""
    if trial.params["a"] == "x":
        trial.suggest_int("c", 0, 1)


@pytest.mark.parametrize("outside", [None, {"a": "z", "b": 7}])
@pytest.mark.parametrize("resumed", [False, True])
def test_bruteforce_tries_every_point_of_a_conditional_space_once(
    resumed: bool, outside: Mapping[str, Any] | None
) -> None:
    """Three points have ``a=y``, six have ``a=x``; all trials run at the same time."""
    study = memory_study(["minimize"])

    def use() -> None:
        made = make_sampler(BruteForceSampler(seed=3), POINTS.dimensions, len(study.rows()))
        study.use(made, make_pruner(NoPruner()))

    use()
    study.enqueue({} if outside else {"a": "y", "b": 1}, outside)
    tried = []
    while not study.exhausted:
        if resumed and len(tried) in (1, 4, 9):
            use()
        tried.append(frozenset(study.ask(POINTS.distributions, conditional).params.items()))
        assert len(tried) <= 10
    assert len(tried) == len(set(tried)) == 9 + bool(outside)
    for number in range(len(tried)):
        study.tell(number, State.COMPLETE, [0.0])
    use()
    assert study.exhausted


def test_bruteforce_needs_points() -> None:
    with pytest.raises(SpaceError, match=r"continuous, and bruteforce needs points"):
        rehearse(BruteForceSampler(), SPACE.dimensions, ["minimize"])
    with pytest.raises(ConfigError, match=r"sampler=bruteforce: .*step must be given"):
        suggest = lambda trial: trial.suggest_float("c", 0, 1)  # noqa: E731
        rehearse(BruteForceSampler(), POINTS.dimensions, ["minimize"], suggest)
