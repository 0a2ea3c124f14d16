"""Tests points that a user gives: how the space reads them, and which it refuses."""

from typing import Any

import pytest
from omegaconf import OmegaConf
from optuna.trial import BaseTrial

from besom.common.errors import CodeError, ConfigError, SpaceError
from besom.search.space.grammar import read_space
from besom.search.space.point import read_point, read_points
from besom.search.space.space import Space, read_suggest
from besom.search.storage.database import memory_study

SPACE = read_space(
    {},
    [
        "model.units=range(8,65,step=8)",
        "model.name=choice(gru,lstm)",
        "lr=tag(log,interval(1e-4,1e-1))",
        "sizes=choice([1,2],[3,4])",
        "flag=true,null,0",
        "text=3,true,'2',a",
    ],
    loader=None,
)


@pytest.mark.parametrize(
    ("given", "point"),
    [
        ({"model.units": 64}, {"model.units": 64}),
        ({"model.units": 64.0, "lr": 0.01}, {"model.units": 64, "lr": 0.01}),
        ({"model": {"units": 8, "name": "gru"}}, {"model.units": 8, "model.name": "gru"}),
        ({"sizes": [3, 4]}, {"sizes": "[3,4]"}),
        ({"flag": None}, {"flag": None}),
        ({"flag": 0}, {"flag": 0}),
        ({"text": "3"}, {"text": 3}),
        ({"text": "true"}, {"text": True}),
        ({"text": 2}, {"text": "2"}),
    ],
)
def test_a_point_is_what_optuna_would_propose(given: Any, point: Any) -> None:
    found = read_point(given, SPACE, None)
    assert found == point
    assert [type(value) for value in found.values()] == [type(value) for value in point.values()]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model.units": 30}, r"model.units=30 is outside 8…64 in steps of 8; take a value"),
        ({"model.units": 72}, r"model.units=72 is outside 8…64"),
        ({"model.units": "many"}, r"model.units=many is outside 8…64"),
        (
            {"model.units": "64"},
            r"model.units='64' is a text, where a number of 8…64 in steps of 8 is",
        ),
        (
            {"lr": "1e-3"},
            r"lr='1e-3' is a text, where a number of .* is needed; leave its quotes out",
        ),
        ({"text": "4"}, r"text='4' is none of 3, True, 2, a"),
        ({"text": None}, r"text=null is none of"),
        ({"flag": "null"}, r"flag='null' is none of"),
        ({"model.units": True}, r"model.units=true is outside 8…64"),
        ({"model.units": float("nan")}, r"model.units=nan is outside"),
        ({"lr": float("inf")}, r"lr=inf is outside 0.0001…0.1, log"),
        ({"model.name": "cnn"}, r"model.name=cnn is none of gru, lstm;"),
        ({"sizes": [1, 4]}, r"sizes=\[1,4\] is none of \[1,2\], \[3,4\]"),
        ({"flag": False}, r"flag=false is none of True, None, 0"),
        ({"model.unit": 8}, r"model.unit is not searched; did you mean `model.units`"),
        ({"epochs": 8}, r"epochs is not searched; there are flag, lr, model.name"),
        ({}, r"\{\} is no point; give one such as \{model.units: 8\}"),
        (64, r"64 is no point; give one such as \{model.units: 8\}"),
    ],
)
def test_what_the_space_lacks_is_said_with_its_limits(given: Any, said: str) -> None:
    with pytest.raises(SpaceError, match=rf"^hydra.sweeper.enqueue: {said}") as refusal:
        read_point(given, SPACE, None)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("given", [5, {"model.units": 8}])
def test_it_is_a_list(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"enqueue=.*: give a list of points"):
        read_points(given, SPACE, None, None)


def suggest(trial: BaseTrial) -> None:
    """Suggest ``heads`` only for ``attention``, and more of them for a larger ``depth``."""
    if trial.suggest_categorical("kind", ["plain", "attention"]) == "attention":
        trial.suggest_int("heads", 1, 4 if trial.params["depth"] < 3 else 8)


DEPTH = read_space({}, ["depth=range(1,5)"], loader=None)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "plain"},
        {"kind": "attention", "heads": 2},
        {"heads": 2},  # ``kind`` is left open
        {"depth": 4, "kind": "attention", "heads": 8},
    ],
)
def test_a_conditional_space_is_asked_what_it_has(given: Any) -> None:
    assert read_point(given, DEPTH, suggest) == given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "plain", "heads": 2}, "heads is not searched"),
        ({"depth": 1, "kind": "attention", "heads": 8}, "heads=8 is outside 1…4"),
        ({"kind": "other"}, "kind=other is none of plain, attention"),
        ({"head": 2}, "head is not searched; did you mean `heads`"),
    ],
)
def test_what_a_conditional_space_never_suggests_is_refused(given: Any, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        read_point(given, DEPTH, suggest)


def test_nothing_is_a_point_of_no_space() -> None:
    with pytest.raises(SpaceError, match=r"x is not searched; there are none"):
        read_point({"x": 1}, Space((), ()), None)


def leaves(config: Any, trial: Any) -> None:
    raise SystemExit("no y")


def test_a_function_that_raises_as_a_trial_is_proposed_is_named() -> None:
    space = read_space({}, ["x=interval(0,1)"], loader=None)
    suggest = read_suggest(f"{__name__}.leaves", OmegaConf.create({}), space)
    named = f"hydra.sweeper.custom_search_space={__name__}.leaves: SystemExit: no y"
    with pytest.raises(CodeError, match=named) as failure:
        memory_study(["minimize"]).ask(space.distributions, suggest)
    assert "in leaves" in failure.value.traceback and "own_code.py" not in failure.value.traceback
