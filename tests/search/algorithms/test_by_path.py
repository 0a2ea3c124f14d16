"""Tests samplers, pruners and their parts that are named by dotted path."""

import re
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from besom.common.errors import CodeError, ConfigError
from besom.common.states import State
from besom.search.algorithms.by_path import ByPath
from besom.search.algorithms.options import NoPruner, TpeSampler
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler, rehearse
from besom.search.space.grammar import read_space
from besom.search.storage.database import memory_study
from tests.search.algorithms import own

OWN = "tests.search.algorithms.own"
SPACE = read_space({}, ["a=interval(0,1)", "b=interval(0,10)"], loader=None)


def sampler(target: str, **keywords: Any) -> ByPath:
    return ByPath("hydra.sweeper.sampler", {"_target_": target, **keywords})


def pruner(target: str, **keywords: Any) -> ByPath:
    return ByPath("hydra.sweeper.pruner", {"_target_": target, **keywords})


def proposed(options: Any, n_existing: int = 0) -> list[dict[str, Any]]:
    study = memory_study(["minimize"])
    study.use(make_sampler(options, SPACE.dimensions, n_existing), make_pruner(NoPruner()))
    return [dict(study.ask(SPACE.distributions).params) for _ in range(4)]


def test_a_seed_repeats_the_proposals_and_a_resume_does_not() -> None:
    options = sampler(f"{OWN}.Middle", width=0.1, seed=7)
    assert proposed(options) == proposed(options) != proposed(options, 4)
    assert all(0.45 <= params["a"] <= 0.55 for params in proposed(options))


def test_a_part_inside_is_made_and_seeded_too() -> None:
    base = {"_target_": f"{OWN}.Middle", "width": 0.2, "seed": 3}
    options = sampler(
        "optuna.samplers.PartialFixedSampler", fixed_params={"b": 4.0}, base_sampler=base
    )
    assert {params["b"] for params in proposed(options)} == {4.0}
    assert options.make(BaseSampler, 5)._base_sampler.seed == 8


def test_a_sampler_sees_no_baseline_outside_the_space_and_may_end_the_study() -> None:
    study = memory_study(["minimize"])
    options = sampler(f"{OWN}.Middle", width=1.0, enough=3)
    study.use(make_sampler(options, SPACE.dimensions, 0), make_pruner(NoPruner()))
    study.enqueue({}, {"a": 7.0, "b": 7.0})
    for number in range(3):
        assert not study.exhausted
        study.ask(SPACE.distributions)
        study.tell(number, State.COMPLETE, [0.0])
    assert study.exhausted == "it has called study.stop()"


@pytest.mark.parametrize(
    "method",
    ["before_trial", "infer_relative_search_space", "sample_relative", "sample_independent"],
)
def test_a_sampler_may_end_the_study_as_it_proposes(method: str) -> None:
    study = memory_study(["minimize"])
    options = sampler(f"{OWN}.Stopping", method=method)
    study.use(make_sampler(options, SPACE.dimensions, 0), make_pruner(NoPruner()))
    assert not study.exhausted
    assert study.ask(SPACE.distributions).params.keys() == {"a", "b"}  # this trial still runs
    assert study.exhausted == "it has called study.stop()"


def test_functions_of_tpe_are_named_by_path() -> None:
    made: Any = make_sampler(TpeSampler(gamma=f"{OWN}.half"), SPACE.dimensions, 0)
    assert made._sampler._gamma.__wrapped__ is own.half
    with pytest.raises(ConfigError, match=r"sampler\.gamma=.*has no class hafl; it has "):
        make_sampler(TpeSampler(gamma=f"{OWN}.hafl"), SPACE.dimensions, 0)


@pytest.mark.parametrize("method", ["before_trial", "sample_relative", "after_trial"])
def test_what_a_sampler_raises_is_said_of_it_with_its_own_frames(method: str) -> None:
    study = memory_study(["minimize"])
    options = sampler(f"{OWN}.Failing", method=method, after=1)
    study.use(make_sampler(options, SPACE.dimensions, 0), make_pruner(NoPruner()))
    with pytest.raises(CodeError) as failure:
        for number in range(2):
            study.ask(SPACE.distributions)
            study.tell(number, State.COMPLETE, [0.0])
    assert str(failure.value).splitlines() == [
        f"hydra.sweeper.sampler._target_={OWN}.Failing: KeyError: 'no arms'",
        "Correct it; the same command resumes the sweep.",
    ]
    assert "own.py" in failure.value.traceback
    assert "windowed_sampler.py" not in failure.value.traceback


def test_what_a_pruner_raises_is_said_of_it_also_where_another_wraps_it() -> None:
    own_one = {"_target_": f"{OWN}.FailingPruner"}
    wraps = pruner("optuna.pruners.PatientPruner", patience=0, wrapped_pruner=own_one)
    for options in (pruner(f"{OWN}.FailingPruner"), wraps):
        study = memory_study(["minimize"])
        study.use(make_sampler(TpeSampler(), SPACE.dimensions, 0), make_pruner(options))
        study.ask(SPACE.distributions)
        said = re.escape(f"hydra.sweeper.pruner._target_={options.name}: SystemExit: no arms")
        with pytest.raises(CodeError, match=said):
            [study.report(0, step, float(step)) for step in range(3)]


def test_what_a_function_of_tpe_raises_is_said_of_it() -> None:
    options = TpeSampler(gamma=f"{OWN}.failing_gamma", n_startup_trials=1)
    with pytest.raises(CodeError, match=rf"sampler\.gamma={OWN}\.failing_gamma: KeyError"):
        rehearse(options, SPACE.dimensions, ["minimize"])


def test_a_pruner_by_path_keeps_its_class() -> None:
    """TPE checks whether the pruner is a HyperbandPruner."""
    made = make_pruner(pruner("optuna.pruners.HyperbandPruner"))
    assert isinstance(made, optuna.pruners.HyperbandPruner)


def test_pruners_by_path_and_around_another() -> None:
    wrapped = {"_target_": "optuna.pruners.PercentilePruner", "percentile": 25.0}
    patient = pruner("optuna.pruners.PatientPruner", patience=2, wrapped_pruner=wrapped)
    made: Any = make_pruner(patient)
    assert isinstance(made._wrapped_pruner, optuna.pruners.PercentilePruner)
    assert isinstance(
        make_pruner(pruner("optuna.pruners.WilcoxonPruner", p_threshold=0.2)), BasePruner
    )
    study = memory_study(["minimize"])
    use = make_sampler(sampler(f"{OWN}.Middle", width=1.0), SPACE.dimensions, 0)
    study.use(use, make_pruner(pruner(f"{OWN}.Steps", most=2)))
    study.ask(SPACE.distributions)
    assert [study.report(0, step, 1.0) for step in (1, 2)] == [False, True]
    assert list(study.reports(0)) == [1, 2]


@pytest.mark.parametrize(
    ("target", "keywords", "said"),
    [
        ("optuna.samplers.TPESampelr", {}, "did you mean `TPESampler`"),
        ("my_modul.Sampler", {}, "No module named 'my_modul'"),
        ("Sampler", {}, "give a dotted path"),
        (f"{OWN}.Middle", {"widht": 1.0}, "sampler.widht: .* no such keyword.*mean `width`"),
        (f"{OWN}.Middle", {}, "sampler.width: .*needs it; it has no default"),
        (f"{OWN}.refuses", {"x": 1}, "ValueError: not {'x': 1}"),
        (f"{OWN}.leaves", {"x": 1}, "SystemExit: not {'x': 1}"),
        (f"{OWN}.half", {"n_trials": 3}, "is no sampler; .*optuna.samplers.BaseSampler"),
        ("optuna.pruners.NopPruner", {}, "is no sampler"),
        (f"{OWN}.Middle", {"width": {"_target_": f"{OWN}.Nothing"}}, "sampler.width._target_="),
    ],
)
def test_what_cannot_be_made_is_said_in_a_line(
    target: str, keywords: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        rehearse(sampler(target, **keywords), SPACE.dimensions, ["minimize"])
    assert str(error.value).count("\n") == 0


def test_a_module_that_cannot_be_imported_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_sampler.py").write_text("import nothing_of_that_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot be imported: No module named"):
        rehearse(sampler("broken_sampler.Mine"), SPACE.dimensions, ["minimize"])


def test_a_sampler_that_fails_as_it_proposes_is_found_before() -> None:
    with pytest.raises(ConfigError, match=r"_target_=optuna\.samplers\.CmaEsSampler: .*multi"):
        rehearse(sampler("optuna.samplers.CmaEsSampler"), SPACE.dimensions, ["minimize"] * 2)
