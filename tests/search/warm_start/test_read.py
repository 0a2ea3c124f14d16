"""Tests reading the studies that ``hydra.sweeper.warm_start`` names, from real databases."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from besom.common.errors import BesomError, ConfigError
from besom.common.states import State
from besom.search.algorithms.by_path import ByPath
from besom.search.algorithms.options import NoPruner, RandomSampler, TpeSampler
from besom.search.check import check_options
from besom.search.objective import read_objective
from besom.search.options import SweepOptions
from besom.search.space.grammar import read_space
from besom.search.space.space import Space
from besom.search.storage.database import open_study
from besom.search.warm_start import sources
from besom.search.warm_start.imported_trials import bring_in
from besom.search.warm_start.read import read_warm_start
from besom.search.warm_start.transfer import Target
from besom.search.warm_start.trials import Transferred, WarmStart

SPACE = ["units=range(8,65,step=8)", "lr=tag(log,interval(1e-4,1e-1))", "drop=choice(0.0,0.5)"]
BASELINE = {"units": 32, "lr": 1e-3, "drop": 0.0}
UNITS, LR = IntDistribution(1, 128), FloatDistribution(1e-5, 1.0, log=True)

Trial = tuple[Mapping[str, Any], Mapping[str, BaseDistribution], float]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[str]:
    """Make a plain Optuna study, with two complete trials and a pruned one in our space."""
    address = f"sqlite:///{tmp_path / 'other.db'}"
    study = optuna.create_study(study_name="wide", storage=address)
    both = {"units": UNITS, "lr": LR}
    for units, lr, value in ((64, 1e-2, 0.3), (128, 1e-2, 0.1), (8, 1e-3, 0.2), (9, 1e-3, 0.2)):
        params = {"units": units, "lr": lr}
        study.add_trial(create_trial(params=params, distributions=both, value=value))
    pruned = {"params": {"units": 16, "lr": 0.1}, "distributions": both}
    reports = {1: 0.9, 2: 0.8}
    study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values=reports, **pruned))
    study.add_trial(create_trial(state=TrialState.FAIL, **pruned))
    study.ask()  # a running trial
    yield f"{address}#wide"


def read(*names: str, folder: Path, **options: Any) -> tuple[list[Transferred], str]:
    found = read_all(*names, folder=folder, **options)
    return list(found.trials), "\n".join(found.remarks)


def read_all(
    *names: str, folder: Path, objective: str | None = "loss", space: Any = SPACE, **options: Any
) -> WarmStart:
    opt = options.pop("baseline", {"name": "sgd"})
    point = BASELINE | {"opt": "sgd"}
    given = SweepOptions(
        study_name="new",
        root=str(folder / "mlruns"),
        sampler=options.pop("sampler", TpeSampler()),
        pruner=NoPruner(),
        warm_start=list(names),
        **options,
    )
    check_options(given)
    read_one = space if isinstance(space, Space) else read_space({}, space, None)
    target = Target(read_one, None, OmegaConf.create(BASELINE | {"opt": opt}), point)
    return read_warm_start(given, read_objective(objective, given.direction), target)


def test_what_lies_in_the_space_is_taken_over_with_the_spaces_distributions(
    other: str, tmp_path: Path
) -> None:
    found, said = read(other, folder=tmp_path)
    assert [(one.params["units"], one.trial.values) for one in found] == [
        (64, (0.3,)),
        (8, (0.2,)),
        (16, ()),
    ]
    assert found[2].trial.last_report == (2, 0.8)
    assert all(one.distributions["units"] == IntDistribution(8, 64, step=8) for one in found)
    assert all(one.params["drop"] == 0.0 and one.assumed == ["drop"] for one in found)
    assert "learns from 3 of the 5 finished trials of sqlite" in said
    assert "for drop, not known of them, the baseline's value stands" in said


def test_the_source_is_not_written_and_may_be_read_only(other: str, tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    before = file.read_bytes()
    file.chmod(0o400)
    assert len(read(other, folder=tmp_path)[0]) == 3
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["other.db"]


def test_they_are_read_again_until_a_value_of_the_studys_own_counts(
    other: str, tmp_path: Path
) -> None:
    """The study may be interrupted before its first trial, and resumed with another space."""
    names, source = [other], tmp_path / "other.db"
    with closing(open_study("new", f"sqlite:///{tmp_path}/mlruns/optuna.db", ["minimize"])) as ours:
        bring_in(ours, WarmStart(names, read(other, folder=tmp_path)[0]))
        space = ["units=range(100,200)"]
        assert [one.params["units"] for one in read(other, folder=tmp_path, space=space)[0]] == [
            128
        ]
        source.rename(tmp_path / "away.db")
        assert read_all(other, folder=tmp_path).unread.startswith("hydra.sweeper.warm_start=")
        source = (tmp_path / "away.db").rename(source)
        ours.tell(ours.ask({"units": UNITS}).number, State.COMPLETE, [0.5])
        assert read(other, folder=tmp_path) == ([], "")


def test_what_besom_did_not_search_it_knows_of_its_configuration(tmp_path: Path) -> None:
    study = open_study("first", f"sqlite:///{tmp_path / 'mlruns' / 'optuna.db'}", ["minimize"])
    facts = {"objective": "loss", "configuration, drop": "0.5", "configuration, lr": "0.01"}
    study.remember("fingerprint", facts)
    distributions = {"units": UNITS}
    for number, units in enumerate((8, 16, 16)):
        study._study.enqueue_trial({"units": units})
        row = study.ask(distributions)
        notes = {"code": "c" * 64} | ({"reused": 1} if number == 2 else {})
        study.tell(row.number, State.COMPLETE, [0.5 + number], notes)
    outside = study.add({"outside": {"units": 24}, "role": "baseline"}, State.COMPLETE, [0.4])
    study.close()
    found, said = read("first", folder=tmp_path)
    assert [one.params for one in found][-1] == {"units": 24, "lr": 0.01, "drop": 0.5}
    assert [one.trial.number for one in found] == [0, 1, outside.number]
    assert {tuple(one.assumed) for one in found} == {()}
    assert said == "The sampler learns from the 3 finished trials of first."


def test_what_a_resolver_returned_is_known_of_each_trial_that_noted_it(tmp_path: Path) -> None:
    """The expression is not a value. Numbers were noted as they were, texts as digests."""
    study = open_study("first", f"sqlite:///{tmp_path / 'mlruns' / 'optuna.db'}", ["minimize"])
    written = json.dumps("${oc.env:LR,0.1}")
    facts = {"objective": "loss", "configuration, drop": "0.5", "configuration, lr": written}
    study.remember("fingerprint", facts)
    for resolved in ({"lr": 0.05}, {"lr": 1e-2}, {"lr": "0123456789abcdef"}, {"lr": 7.0}, {}):
        row = study.ask({"units": IntDistribution(8, 64, step=8)})
        study.tell(row.number, State.COMPLETE, [0.5], {"resolved": resolved})
    study.close()
    found, said = read("first", folder=tmp_path)
    assert [one.params["lr"] for one in found] == [0.05, 1e-2, 1e-3, 1e-3]
    assert [[*one.assumed] for one in found] == [[], [], ["lr"], ["lr"]]
    assert "learns from 4 of the 5 finished trials of first; the others lie outside" in said
    assert "for lr, not known of them, the baseline's value stands" in said


@pytest.mark.parametrize(
    ("resolved", "is_taken"), [({"opt.lr": 0.1}, True), ({"opt.lr": 9}, False)]
)
def test_a_groups_option_is_known_by_what_its_resolvers_returned(
    tmp_path: Path, resolved: dict[str, float], is_taken: bool
) -> None:
    """The expression is not compared; where nothing was noted, only the other keys are."""
    facts = {"opt.name": '"sgd"', "opt.lr": json.dumps("${oc.env:LR,0.1}")}
    study = open_study("first", f"sqlite:///{tmp_path / 'mlruns' / 'optuna.db'}", ["minimize"])
    named = {f"configuration, {key}": value for key, value in facts.items()}
    study.remember("fingerprint", {"objective": "loss"} | named)
    for noted in (resolved, {}):
        row = study.ask({"units": UNITS})
        study.tell(row.number, State.COMPLETE, [0.5], {"resolved": noted})
    study.close()
    units, opt = read_space({}, ["units=range(1,129)", "opt=choice(sgd,adam)"], None).dimensions
    space = Space((units, replace(opt, is_group=True)), ())
    found, _ = read("first", folder=tmp_path, space=space, baseline={"name": "sgd", "lr": 0.1})
    assert [one.params["opt"] for one in found] == ["sgd"] * (1 + is_taken)
    assert not any(one.assumed for one in found)
    with pytest.raises(ConfigError, match="it has no value of opt"):
        read("first", folder=tmp_path, space=space, baseline={"name": "adam", "lr": 0.1})


@pytest.mark.filterwarnings("ignore:set_metric_names")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wider", r"warm_start=wider cannot be read: there is no .*optuna\.db\.\nName a study of"),
        ("sqlite:///{folder}/other.db#wider", "no such study; did you mean `wide`"),
        ("sqlite:///{folder}/other.db", r"name the study too, sqlite:.*other\.db#NAME"),
        ("sqlite:///{folder}/none.db#wide", r"cannot be read: there is no .*none\.db"),
        ("sqlite:///{folder}/empty.db#wide", "cannot be read: .*no such table"),
        ("sqlite:///{folder}/text.db#wide", "cannot be read: .*not a database"),
        ("nothing://x#wide", "cannot be read"),
        ("sqlite:///{folder}/other.db#none", "no trial of it has finished yet"),
        ("sqlite:///{folder}/other.db#strange", "it shares no axis .*it searched q, and this one"),
        ("sqlite:///{folder}/other.db#far", r"none of its 1 .*\ntrial 0: it: units=100 is outside"),
        ("sqlite:///{folder}/other.db#up", "its objective is maximize, not loss, minimize"),
        ("sqlite:///{folder}/other.db#named", "its objective is error, minimize, not loss"),
        ("sqlite:///{folder}/other.db#two", "its objective is minimize, minimize, not"),
        ("sqlite:///{folder}/mlruns/optuna.db#new", "it is this study itself"),
        ("new", "it is this study itself"),
    ],
)
def test_a_study_of_no_use_is_refused_in_a_line_or_two(
    other: str, tmp_path: Path, name: str, said: str
) -> None:
    address = other.partition("#")[0]
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("a" * 2000)
    optuna.create_study(study_name="none", storage=address)
    strange = optuna.create_study(study_name="strange", storage=address)
    strange.add_trial(
        create_trial(params={"q": 1}, distributions={"q": CategoricalDistribution([1])}, value=1)
    )
    far = optuna.create_study(study_name="far", storage=address)
    far.add_trial(create_trial(params={"units": 100}, distributions={"units": UNITS}, value=1))
    optuna.create_study(study_name="up", storage=address, direction="maximize")
    named = optuna.create_study(study_name="named", storage=address)
    named.set_metric_names(["error"])
    optuna.create_study(study_name="two", storage=address, directions=["minimize"] * 2)
    with pytest.raises(BesomError, match=said) as refusal:
        read(name.format(folder=tmp_path), folder=tmp_path)
    assert len(str(refusal.value).splitlines()) <= 2
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"warm_start": 3}, r"warm_start=3: give a list of studies"),
        ({"warm_start": [{}]}, r"give a list of studies"),
        ({"enqueue": "best 5"}, r"enqueue=best 5 needs a study to take them from; name it"),
        ({"enqueue": "best 0", "warm_start": "a"}, r"enqueue=best 0: give a list of points, or"),
        ({"enqueue": "beste 3", "warm_start": "a"}, r"enqueue=beste 3: give a list of points"),
    ],
)
def test_options_that_say_nothing_are_refused(options: Any, said: str) -> None:
    given = SweepOptions(study_name="a", sampler=TpeSampler(), pruner=NoPruner(), **options)
    with pytest.raises(ConfigError, match=said):
        check_options(given)


def test_samplers_that_do_not_learn_say_so(other: str, tmp_path: Path) -> None:
    _, said = read(other, folder=tmp_path, sampler=RandomSampler())
    assert "hydra/sweeper/sampler=random does not learn from other studies' trials" in said


def test_of_a_sampler_by_path_it_is_not_known_whether_it_learns(other: str, tmp_path: Path) -> None:
    by_path = ByPath("hydra.sweeper.sampler", {"_target_": "optuna.samplers.TPESampler"})
    _, said = read(other, folder=tmp_path, sampler=by_path)
    assert "does not learn" not in said


def test_what_a_plain_study_has_as_infeasible_is_so_here(other: str, tmp_path: Path) -> None:
    """In both forms in which Optuna stores constraints."""
    study = optuna.load_study(study_name="wide", storage=other.partition("#")[0])
    given = {"params": {"units": 24, "lr": 1e-2}, "distributions": {"units": UNITS, "lr": LR}}
    study.add_trial(create_trial(value=0.0, constraints={"size": 2.0, "ms": -1.0}, **given))
    study.add_trial(create_trial(value=0.0, system_attrs={"constraints": [0.5]}, **given))
    study.add_trial(create_trial(value=0.0, constraints={"size": 0.0}, **given))
    found, _ = read(other, folder=tmp_path)
    assert [one.trial.is_infeasible for one in found][-3:] == [True, True, False]
    assert not any(one.trial.is_infeasible for one in found[:-3])


@pytest.mark.parametrize("table", ["studies", "study_directions", "trial_values"])
def test_a_damaged_source_is_refused_wherever_it_breaks(
    table: str, other: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute(f"DROP TABLE {table}")
    with pytest.raises(ConfigError, match=f"cannot be read: .*no such table: {table}"):
        read(other, folder=tmp_path)
    assert capfd.readouterr().err == ""  # no message of Optuna's


def test_a_source_that_is_locked_says_what_to_end(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(file: Path) -> sqlite3.Connection:
        return sqlite3.connect(file, timeout=0)

    def lock(*_: object) -> None:
        database.execute("BEGIN EXCLUSIVE")

    monkeypatch.setattr(sources, "_connect", connect)
    monkeypatch.setattr(sources, "_check_objective", lock)  # the database is open by then
    with (
        closing(sqlite3.connect(tmp_path / "other.db")) as database,
        pytest.raises(ConfigError, match=r"is locked\.\nEnd the program that keeps it locked"),
    ):
        read(other, folder=tmp_path)


def test_tables_of_another_optuna_are_named(other: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(other, folder=tmp_path)
