"""Tests where a baseline lies in a space, with typed fields and all kinds of config groups."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode

from besom.app.error_messages import config_error
from besom.app.hooks import task_config
from besom.app.job import JobRunner
from besom.common.errors import ConfigError, SpaceError
from besom.common.states import State
from besom.search.algorithms.options import NoPruner, TpeSampler
from besom.search.options import ConfirmOptions, SweepOptions
from besom.search.storage.database import memory_study
from besom.sweep.identity.fingerprint import hold_to_baseline
from besom.sweep.plan import Plan, make_plan
from besom.sweep.result_files import write_results


class Kind(Enum):
    adam = 1
    SGD = 2


@dataclass
class Net:
    width: int = 8


@dataclass
class Wide(Net):
    drop: float = 0.5


@dataclass
class Config:
    defaults: list[Any] = field(
        default_factory=lambda: [
            "_self_",
            {"net": "net"},
            {"cb": ["stop", "log"]},
            {"db@src": "a"},
            {"db@dst": "a"},
            {"opt": "adam"},
            {"optional experiment": None},
        ]
    )
    net: Net = field(default_factory=Net)
    version: str = "1"
    flag: bool = False
    kind: Kind = Kind.adam
    place: Path = Path("a")
    rate: float = 1.0
    count: int = 2
    limit: float | None = None
    sizes: tuple[int, int] = (1, 2)
    rates: list[float] = field(default_factory=lambda: [1.0, 2.0])
    table: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 2})
    loose: Any = 1
    word: Any = "1"
    needed: float = "???"  # type: ignore[assignment]
    twin: Any = "${needed}"
    cb: dict[str, Any] = field(default_factory=dict)
    src: dict[str, Any] = field(default_factory=dict)
    dst: dict[str, Any] = field(default_factory=dict)
    opt: dict[str, Any] = field(default_factory=dict)


def _register() -> None:
    store = ConfigStore.instance()
    store.store(name="typed", node=Config)
    store.store(
        name="lacking",
        node={"defaults": [{"net": "???"}, "_self_"], "lr": "???", "twin": "${lr}", "x": 1},
    )
    store.store(group="net", name="net", node=Net)
    store.store(group="net", name="wide", node=Wide)
    for name in ("stop", "log"):
        store.store(group="cb", name=name, node={name: 1})
    for name in ("a", "b"):
        store.store(group="db", name=name, node={"user": "same"})
    for name, rate in (("adam", "low"), ("sgd", "high")):
        store.store(group="opt", name=name, node={"defaults": [{"lr": rate}], "kind": name})
    for name in ("low", "high"):
        store.store(group="opt/lr", name=name, node={"rate": name})
    store.store(group="experiment", name="two", node={"loose": 2}, package="_global_")


@pytest.fixture
def plan_of() -> Iterator[Any]:
    _register()
    hydra = Hydra.create_main_hydra2("task", create_config_search_path(None))
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())

    def make(*words: str, config: str = "typed", **options: Any) -> Plan:
        master = hydra.compose_config(config, [], RunMode.MULTIRUN)
        asked = SweepOptions(study_name="x", sampler=TpeSampler(), pruner=NoPruner(), **options)
        given = [*words, *(["needed=1"] if config == "typed" and "needed" not in words[0] else [])]
        return make_plan(asked, JobRunner(context, lambda config: 0.0, master), given)

    yield make
    GlobalHydra.instance().clear()


ROUNDS: list[dict[str, object]] = [
    {
        "version=1,2": 1,
        "flag=0,1": 0,
        "kind=adam,SGD": "adam",
        "place=a,b": "a",
        "rate=1,2": 1,
        "limit=0.5,null": None,
        "sizes=[1,2],[3,4]": "[1,2]",
        "rates=[1,2],[3,4]": "[1,2]",
        "table={a:2},{b:2}": "{b:2}",
        "loose=1,2": 1,
        "net=net,wide": "net",
        "cb=[log],[stop,log],[]": "[stop,log]",
        "db@src=b,a": "a",
        "opt=adam,sgd": "adam",
        "experiment=two,null": None,
    },
    {
        "version=range(0,3)": 1,
        "flag=yes,no": "no",
        "kind=Kind.SGD,Kind.adam": "Kind.adam",
        "rate=range(1,4)": 1,
        "loose=1.0,2": 1.0,
        "net=glob(*)": "net",
        "opt/lr=low,high": "low",
    },
    {"flag=range(0,2)": 0, "kind=2,1": 1},
    {"kind=range(1,3)": 1},
]


@pytest.mark.parametrize("words", ROUNDS)
def test_a_baseline_is_found_among_the_values_that_the_configuration_makes_of_them(
    plan_of: Any, words: dict[str, object]
) -> None:
    plan = plan_of(*words)
    own = {word.partition("=")[0]: value for word, value in words.items()}
    assert plan.baseline_params == own and plan.outside is None
    assert list(map(type, plan.baseline_params.values())) == list(map(type, own.values()))
    again = plan.application.compose(plan.space.propose(plan.baseline_params))
    assert task_config(again) == plan.baseline


@pytest.mark.parametrize(
    "reasons",
    [
        {
            "count=range(4,9)": "count=2 is outside range(4,9)",
            "rate=interval(2,3)": "rate=1.0 is outside interval(2,3)",
            "limit=0.5,1": "limit=null is outside 0.5,1",
        },
        {
            "word=1,2": "word=1 is outside 1,2",
            "loose=true,false": "loose=1 is outside true,false",
        },
        {"cb=[log,stop],[]": "cb=[stop,log] is outside"},
    ],
)
def test_a_baseline_elsewhere_runs_as_it_is(plan_of: Any, reasons: dict[str, str]) -> None:
    plan = plan_of(*reasons)
    assert plan.baseline_params == {} and plan.outside is not None
    assert plan.baseline_words == plan.space.overrides
    [remark] = plan.remarks
    assert all(reason in remark for reason in reasons.values()), remark
    assert "runs it as it is" in remark


def suggest(config: Any, trial: Any) -> None:
    trial.suggest_int("count", 1, 9)
    trial.suggest_float("rate", 2, 9)
    trial.suggest_categorical("word", ["a", "b"]) if config.loose == 2 else None
    trial.suggest_float("new", 0, 1) if config.loose == 3 else None


@pytest.mark.parametrize(
    ("loose", "reason"),
    [
        (1, "rate=1.0 is outside 2…9"),
        (2, "word=1 is outside one of a, b"),
        (3, "new is not in the configuration"),
    ],
)
def test_a_baseline_outside_what_a_function_suggests(
    plan_of: Any, loose: int, reason: str, recwarn: pytest.WarningsRecorder
) -> None:
    plan = plan_of(f"loose={loose}", custom_search_space=f"{__name__}.suggest")
    assert plan.baseline_params == {} and f"({reason})" in plan.remarks[0]
    assert [str(found.message) for found in recwarn if "'rate'" in str(found.message)] == []


def suggest_inside(config: Any, trial: Any) -> None:
    trial.suggest_int("table.a", 1, 9)


def test_a_function_suggests_nothing_that_another_value_replaces(plan_of: Any) -> None:
    custom = f"{__name__}.suggest_inside"
    with pytest.raises(SpaceError, match=r"`table\.a` lies inside `table`"):
        plan_of("table={a:1},{a:2}", custom_search_space=custom)
    assert plan_of("table={b:1},{b:2}", custom_search_space=custom).baseline_params == {
        "table": "{b:2}",
        "table.a": 1,
    }


def test_lists_and_mappings_of_a_baseline_outside_are_as_overrides_write_them(
    plan_of: Any, tmp_path: Path
) -> None:
    plan = plan_of("sizes=[3,4],[5,6]", "table={a:5},{a:6}", "place=b,c", "cb=[log],[]")
    spelled = {"sizes": "[1,2]", "table": "{a:1,b:2}", "place": "a", "cb": "[stop,log]"}
    assert plan.outside == spelled
    plan.application.master.hydra.sweep.dir = str(tmp_path)
    study = memory_study(["minimize"])
    older = spelled | {"sizes": "[1, 2]", "table": "{'a': 1, 'b': 2}"}
    study.enqueue({}, spelled)
    study.ask(plan.space.distributions)
    study.note(0, outside=older)
    hold_to_baseline(study, plan.outside)
    study.note(0, outside=spelled)
    study.tell(0, State.COMPLETE, [1.0])
    write_results(plan, study)
    written = yaml.safe_load((tmp_path / "optimization_results.yaml").read_text())
    assert written["best_params"] == spelled


@pytest.mark.parametrize("word", ["+loose=interval(0,3)", "+loose=7,8"])
def test_a_needless_plus_is_named_as_it_was_written(plan_of: Any, word: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        plan_of(word)
    assert str(refusal.value) == f"`{word}`: the key is there already; write `{word[1:]}`"
    with pytest.raises(HydraException) as fixed:
        plan_of("+loose=3", "rate=1,2")
    assert str(config_error(fixed.value)) == "`+loose=3`: the key is there already; write `loose=3`"


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("net.width=interval(1,9)", "`net.width=range(1,10)` or `net.width=int(interval(1,9))`"),
        (
            "net.width=interval(0.5,9.5)",
            "`net.width=range(1,10)` or `net.width=int(interval(1,9))`",
        ),
        ("net.width=tag(log,interval(1,64))", "`net.width=tag(log,int(interval(1,64)))`"),
        ("net.width=range(1,3,step=0.5)", "a range whose start, stop and step are whole"),
        ("net.width=interval(0.1,0.9)", "a range whose start, stop and step are whole"),
    ],
)
def test_fractions_of_an_integer_are_named_as_they_were_written(
    plan_of: Any, word: str, remedy: str
) -> None:
    with pytest.raises(SpaceError) as refusal:
        plan_of(word)
    said = f"`{word}`: net.width must be an integer, and this has fractions; write {remedy}"
    assert str(refusal.value) == said


def test_what_has_no_value_has_no_baseline_and_what_asks_for_it_is_no_obstacle(
    plan_of: Any,
) -> None:
    plan = plan_of("net=net,wide", "lr=interval(1,2)", config="lacking")
    assert plan.baseline_params is None and plan.remarks == ()
    assert plan.baseline.net == {"width": 8} and plan.baseline.twin == 1
    assert plan_of("lr='???',1", "net=wide", config="lacking").baseline_params is None
    with pytest.raises(ConfigError, match=r"net, lr has no value"):
        confirmed = ConfirmOptions(top_k=1, seed_key="x")
        plan_of("net=net,wide", "lr=interval(1,2)", config="lacking", confirm=confirmed)
    with pytest.raises(HydraException) as refusal:
        plan_of("lr=1,2", config="lacking")
    assert str(config_error(refusal.value)) == (
        "no option of `net` is chosen; give net=…, which can be net, wide"
    )


def test_the_key_that_a_mapping_brings_is_the_one_that_is_named(plan_of: Any) -> None:
    with pytest.raises(HydraException) as refusal:
        plan_of("net={width:1},{width:2,depth:3}")
    assert str(config_error(refusal.value)).startswith("no key `net.depth`")


def test_a_fixed_key_inside_a_mapping_that_is_searched_keeps_its_value(plan_of: Any) -> None:
    plan = plan_of("table={a:5,b:1},{a:6,b:2}", "table.a=7")
    assert plan.baseline_params == {"table": "{a:6,b:2}"}, "it has a=7 and b=2 as well"
    assert [config.table for config in plan.to_check] == [
        {"a": 7, "b": 2},
        {"a": 7, "b": 1},
        {"a": 7, "b": 2},
    ]
    replaced = plan_of("~table", "+table={a:1},{b:2}")
    assert replaced.baseline_params is None
    assert [config.table for config in replaced.to_check[1:]] == [{"a": 1}, {"b": 2}]


def test_mappings_are_no_options_of_a_group(plan_of: Any) -> None:
    assert plan_of("net={width:8},{width:4}").baseline_params == {"net": "{width:8}"}
    assert plan_of("net=net,{width:4}").baseline_params == {"net": "net"}
    with pytest.raises(SpaceError, match=r"`net\.width` lies inside `net`"):
        plan_of("net={width:3},{width:4}", "net.width=1,2")
    with pytest.raises(SpaceError, match=r"`net=net` comes after `net=net,wide`"):
        plan_of("net=net,wide", "net=net")
    assert plan_of("net={width:3},{width:4}", "net=wide").outside == {"net": "{width:8,drop:0.5}"}


def test_a_key_that_only_an_option_has_is_searched_beside_it(plan_of: Any) -> None:
    plan = plan_of("net=choice(wide)", "net.drop=0.1,0.2")
    assert plan.baseline_params is None and plan.remarks == ()
    assert plan.baseline.net == {"width": 8, "drop": 0.1}
    trial = plan.application.compose(plan.space.propose({"net": "wide", "net.drop": 0.2}))
    assert trial.net == {"width": 8, "drop": 0.2}
    plan = plan_of("+net@src.net=choice(wide)", "src.net.drop=0.1,0.2")
    assert plan.baseline_params is None and plan.baseline.src.net.drop == 0.1
    moved = {"net": "wide", "net.drop": 0.2}
    assert plan_of("net=choice(wide)", "net.drop=0.1,0.2", baseline=moved).baseline_params == moved
    with pytest.raises(HydraException) as refusal:
        plan_of("net=net,wide", "net.drop=0.1,0.2")
    assert str(config_error(refusal.value)).startswith("no key `net.drop`")


def test_what_takes_a_key_out_of_the_search_is_said(plan_of: Any) -> None:
    params = {"rate": "interval(1,2)", "count": None, "loose": "1,2"}
    plan = plan_of("loose=2", "word=1,2", params=params)
    assert plan.remarks[:2] == (
        "`hydra.sweeper.params.count=null` takes count out of the search.",
        "`loose=2` takes loose out of the search; hydra.sweeper.baseline.loose=2 would move the "
        "baseline alone.",
    )


def test_a_baseline_is_moved_and_its_keys_stay_searched(plan_of: Any) -> None:
    moved = {"net": "wide", "lr": 1.5, "x": 7}
    words = ["net=net,wide", "lr=interval(1,2)", "x=range(1,4)"]
    plan = plan_of(*words, config="lacking", baseline=moved)
    assert plan.outside == moved and plan.baseline_params == {}
    assert plan.baseline_words == ("net=wide", "lr=1.5", "x=7")
    inside = plan_of(*words, config="lacking", baseline=moved | {"x": 3})
    assert inside.baseline_params == moved | {"x": 3}
    with pytest.raises(ConfigError, match=r"baseline\.y: y is not searched; give y=… itself"):
        plan_of(*words, config="lacking", baseline={"y": 7})


def test_a_key_that_only_the_search_adds_has_no_baseline(plan_of: Any) -> None:
    plan = plan_of("+w=1,2", "count=range(1,9)")
    assert plan.baseline_params is None and plan.outside is None
    referring = ("+src.w=1,2", "+net@src.net=wide,net", "cb=[stop,log],[log]")
    plan = plan_of("word=${src.w}", "loose=${src.net.width}", *referring)
    assert plan.baseline_params is None and plan.baseline.cb == {"stop": 1, "log": 1}
    assert (plan.baseline.word, plan.baseline.loose) == (1, 8)
