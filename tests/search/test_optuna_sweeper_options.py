"""Tests that options in files for hydra-optuna-sweeper are read as Besom's own."""

import operator
from collections.abc import Iterator
from typing import Any

import pytest
from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from besom.common.errors import ConfigError
from besom.search.algorithms.options import (
    GpSampler,
    GridSampler,
    NsgaIISampler,
    RandomSampler,
    TpeSampler,
)
from besom.search.algorithms.samplers import make_sampler
from besom.search.check import check_options
from besom.search.options import SWEEPER, SweepOptions
from besom.search.optuna_sweeper_options import read_options
from hydra_plugins.besom.sweeper import OptionsCheck

# Like public configurations, with one word changed.
FILE = """
defaults:
  - override hydra/sweeper: besom
  - _self_
hydra:
  sweeper:
    _target_: hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper
    storage: null
    study_name: null
    n_jobs: 1
    direction: maximize
    n_trials: 20
    sampler:
      _target_: optuna.samplers.TPESampler
      seed: 1234
      n_startup_trials: 7
      consider_prior: true
      prior_weight: 1.0
      consider_magic_clip: true
      consider_endpoints: false
      n_ei_candidates: 24
      multivariate: false
      warn_independent_sampling: true
    params:
      lr: interval(0.0001, 0.1)
lr: 0.01
"""


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    Plugins.instance()
    ConfigStore.instance().store(name="for_optuna_sweeper", node=OmegaConf.create(FILE))
    with initialize(None, version_base="1.3", job_name="app"):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("for_optuna_sweeper", list(overrides), return_hydra_config=True)


def read(*overrides: str) -> SweepOptions:
    return read_options(composed(*overrides))


def with_node(name: str, node: Any) -> SweepOptions:
    """Return the options where a user's file has replaced a node of ``hydra.sweeper``."""
    master = composed()
    OmegaConf.update(master, f"hydra.sweeper.{name}", None)
    OmegaConf.update(master, f"hydra.sweeper.{name}", node)
    return read_options(master)


def test_a_file_with_one_word_changed() -> None:
    options = read()
    sampler = options.sampler
    assert (options.study_name, options.storage) == ("app", None)
    assert type(sampler) is TpeSampler
    assert (sampler.seed, sampler.n_startup_trials, sampler.multivariate) == (1234, 7, False)
    made: Any = make_sampler(sampler, (), 0)
    assert made._sampler._multivariate is False


@pytest.mark.parametrize(
    ("target", "record"),
    [
        ("optuna.samplers.RandomSampler", RandomSampler),
        ("optuna.samplers.GridSampler", GridSampler),
        ("optuna.samplers.MOTPESampler", TpeSampler),
        ("optuna.samplers.NSGAIISampler", NsgaIISampler),
        ("optuna.samplers._gp.sampler.GPSampler", GpSampler),
    ],
)
def test_optunas_samplers_are_ours(target: str, record: type) -> None:
    options = with_node("sampler", {"_target_": target, "seed": 1234})
    assert (type(options.sampler), options.sampler.seed) == (record, 1234)


def test_each_keyword_beside_a_target_reaches_it_or_is_refused() -> None:
    """Also a keyword that equals the default of the sampler or pruner chosen by name."""
    ConfigStore.instance().store(
        name="names", node={"defaults": ["_self_", {"override hydra/sweeper": "besom"}]}
    )

    def given(part: str, target: str, *words: str) -> Any:
        typed = [f"hydra.sweeper.{part}._target_={target}"]
        typed += [f"hydra.sweeper.{part}.{word}" for word in words]
        chosen = [*typed, "hydra/sweeper/pruner=asha"]
        return getattr(read_options(compose("names", chosen, return_hydra_config=True)), part)

    cmaes = given("sampler", "optuna.samplers.CmaEsSampler", "n_startup_trials=50")
    assert cmaes.description["n_startup_trials"] == 50
    halving = "optuna.pruners.SuccessiveHalvingPruner"
    assert given("pruner", halving, "reduction_factor=4").description == {
        "_target_": halving,
        "reduction_factor": 4,
    }
    with pytest.raises(ConfigError, match=r"sampler\.gamma: .*RandomSampler has no such keyword"):
        given("sampler", "optuna.samplers.RandomSampler", "gamma=null")
    with pytest.raises(ConfigError, match=r"sampler\.n_startup_trials: .*has no such keyword"):
        read("hydra.sweeper.sampler._target_=optuna.samplers.RandomSampler")


def test_names_of_its_samplers_are_known() -> None:
    ConfigStore.instance().store(
        name="names", node={"defaults": ["_self_", {"override hydra/sweeper": "besom"}]}
    )
    called = {"motpe": "tpe", "nsgaii": "nsga2"}
    for name in ("motpe", "nsgaii", "random", "grid", "cmaes"):
        chosen = [f"hydra/sweeper/sampler={name}", "hydra.sweeper.sampler.seed=3"]
        sampler = read_options(compose("names", chosen, return_hydra_config=True)).sampler
        assert (sampler.name, sampler.seed) == (called.get(name, name), 3)


def test_an_unknown_option_of_a_sampler_by_name_is_refused() -> None:
    ConfigStore.instance().store(
        name="names", node={"defaults": ["_self_", {"override hydra/sweeper": "besom"}]}
    )
    master = compose("names", ["hydra.sweeper.sampler.sed=3"], return_hydra_config=True)
    with pytest.raises(ConfigError, match=r"sampler\.sed`; did you mean .*sampler\.seed`"):
        read_options(master)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("motpe", ["n_ehvi_candidates=12", "gamma=null", "weights=null"]),
        (
            "cmaes",
            ["x0=null", "independent_sampler=null", "restart_strategy=ipop", "inc_popsize=2"],
        ),
        ("nsgaii", ["population_size=5", "constraints_func=null"]),
        ("qmc", ["qmc_type=halton", "scramble=true", "warn_asynchronous_seeding=false"]),
        ("grid", ["_partial_=true"]),
    ],
)
def test_options_of_its_samplers_are_known(
    name: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ConfigStore.instance().store(
        name="names", node={"defaults": ["_self_", {"override hydra/sweeper": "besom"}]}
    )
    chosen = [f"hydra/sweeper/sampler={name}", *(f"hydra.sweeper.sampler.{w}" for w in words)]
    sampler = read_options(compose("names", chosen, return_hydra_config=True)).sampler
    made: Any = make_sampler(sampler, (), 0)
    assert ("restart_strategy=ipop has no effect" in capsys.readouterr().err) == (name == "cmaes")
    if name == "motpe":
        assert made._sampler._n_ei_candidates == 12


@pytest.mark.parametrize("name", ["constraints_func", "source_trials"])
def test_what_is_no_option_of_a_sampler_is_said(name: str) -> None:
    target = {"source_trials": "CmaEsSampler"}.get(name, "TPESampler")
    with pytest.raises(ConfigError, match=rf"sampler\.{name}=.*leave it out"):
        with_node("sampler", {"_target_": f"optuna.samplers.{target}", name: "my.function"})


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["+hydra.sweeper.n_trial=3"], ["`hydra.sweeper.n_trial`", "`hydra.sweeper.n_trials`?"]),
        (["+hydra.sweper.n_trials=3"], ["`hydra.sweper.n_trials`", "`hydra.sweeper.n_trials`?"]),
        (["+hydra.sweeper.sampler.sed=3"], ["sampler.sed: ", "no such keyword", "mean `seed`?"]),
        (["++hydra.sweeper.confirm.top=3"], ["confirm.top`", "`hydra.sweeper.confirm.top_k`?"]),
        (["hydra.sweeper.sampler._target_=my.Bandit"], ["my.Bandit", "No module named 'my'"]),
        (["hydra.sweeper.max_failure_rate=many"], ["max_failure_rate=many", "from 0 to 1"]),
    ],
)
def test_what_nothing_would_read_is_refused(overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        read(*overrides)
    assert [part for part in parts if part not in str(raised.value)] == []


def test_a_sampler_of_ones_own_file_has_only_known_options() -> None:
    with pytest.raises(ConfigError, match=r"n_startup_trails.*did you mean `n_startup_trials`"):
        node = {"_target_": "optuna.samplers.TPESampler", "n_startup_trails": 3}
        with_node("sampler", node)


def test_storage_is_an_address() -> None:
    storage = {"_target_": "optuna.storages.RDBStorage", "url": "sqlite:///a.db"}
    assert with_node("storage", storage).storage == "sqlite:///a.db"
    with pytest.raises(ConfigError, match="JournalStorage"):
        with_node("storage", {"_target_": "optuna.storages.JournalStorage"})


SPACE = {
    "a": ({"type": "float", "low": 0.5, "high": 2}, "interval(0.5,2.0)"),
    "b": ({"type": "float", "low": 0.5, "high": 2, "log": True}, "tag(log,interval(0.5,2.0))"),
    "c": ({"type": "float", "low": 0, "high": 1, "step": 0.5}, "range(0.0,1.25,step=0.5)"),
    "d": ({"type": "int", "low": 1, "high": 9}, "int(interval(1,9))"),
    "e": ({"type": "int", "low": 1, "high": 9, "log": True}, "tag(log,int(interval(1,9)))"),
    "f": ({"type": "int", "low": 0, "high": 4, "step": 2}, "range(0,5,step=2)"),
    "h": ({"type": "int", "low": 1, "high": 9, "step": "2"}, "range(1,10,step=2)"),
    "g": ({"type": "categorical", "choices": ["a b", 1, None]}, "choice('a b',1,null)"),
}


def test_the_older_form_of_a_space_is_written_as_params() -> None:
    given = {key: old for key, (old, _) in SPACE.items()}
    master = composed("hydra.sweeper.params=null")
    OmegaConf.update(master, "hydra.sweeper.search_space", given, force_add=True)
    assert read_options(master).params == {key: new for key, (_, new) in SPACE.items()}


@pytest.mark.parametrize("old", [{"type": "float", "low": 1}, {"type": "real", "low": 1}, 3])
def test_the_older_form_with_a_part_missing(old: Any) -> None:
    master = composed("hydra.sweeper.params=null")
    OmegaConf.update(master, "hydra.sweeper.search_space", {"x": old}, force_add=True)
    with pytest.raises(ConfigError, match=r"search_space\.x=.*low"):
        read_options(master)


@pytest.mark.parametrize(("given", "n_jobs"), [("3", 3), ("'3'", 3), ("auto", "auto")])
def test_workers_are_a_number_or_as_many_as_fit(given: str, n_jobs: int | str) -> None:
    assert read(f"hydra.sweeper.n_jobs={given}").n_jobs == n_jobs


@pytest.mark.parametrize("given", ["2.5", "many", "true", "null", "[2]", "Auto"])
def test_workers_are_nothing_else(given: str) -> None:
    with pytest.raises(ConfigError, match=r"n_jobs=.*: must be a whole number, or auto"):
        read(f"hydra.sweeper.n_jobs={given}")


def test_null_is_the_default() -> None:
    options = read("hydra.sweeper.max_failure_rate=null", "hydra.sweeper.params=null")
    assert (options.max_failure_rate, options.params) == (0.2, {})


@pytest.mark.parametrize(
    "name", ["constraints", "baseline", "ray.runtime_env", "confirm.overrides"]
)
def test_null_is_none_where_keys_or_words_are_taken(name: str) -> None:
    given = read(f"hydra.sweeper.{name}=null")
    assert check_options(given) is None and operator.attrgetter(name)(given) is None
    part, _, key = name.partition(".")
    master = composed()
    master.hydra.sweeper = OmegaConf.create({part: {key: None} if key else None})  # from a file
    assert operator.attrgetter(name)(read_options(master)) is None


def test_a_file_of_ones_own_for_the_whole_node_is_completed() -> None:
    master = composed()
    own = {"_target_": "hydra_plugins.besom.sweeper.BesomSweeper", "n_trials": 3}
    master.hydra.sweeper = OmegaConf.create(own)
    options = read_options(master)
    assert (options.n_trials, options.study_name, type(options.sampler)) == (3, "app", TpeSampler)
    assert options.n_jobs == SweepOptions().n_jobs


def test_the_peers_sweeper_means_besoms_and_no_other_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = composed()
    OptionsCheck().on_multirun_start(config)
    assert config.hydra.sweeper._target_ == SWEEPER
    with pytest.raises(SystemExit, match="2"):
        OptionsCheck().on_multirun_start(composed("hydra.sweeper._target_=my.Sweeper"))
    said = capsys.readouterr().err
    assert "hydra.sweeper._target_=my.Sweeper" in said and said.count("\n") == 1
