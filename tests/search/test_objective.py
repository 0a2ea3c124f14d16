import math

import pytest

from besom.common.errors import ConfigError
from besom.search.objective import read_objective


def test_a_plain_number_needs_no_name() -> None:
    assert read_objective(None, "minimize").values({"objective": 3.0}) == (3.0,)


def test_named_objectives_are_taken_in_their_order() -> None:
    objective = read_objective(["b", "a"], ["minimize", "maximize"])
    assert objective.values({"a": 1.0, "b": 2.0, "c": 3.0}) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("returned", "reported", "numbers"),
    [
        ({"objective": 0.3}, {"loss": 0.9}, {"loss": 0.3}),
        ({"acc": 1.0}, {"loss": 0.9, "other": 2.0}, {"loss": 0.9, "acc": 1.0}),
        ({}, {"loss": 0.9}, {"loss": 0.9}),
        ({"loss": 0.1}, {"loss": 0.9}, {"loss": 0.1}),
        ({"objective": 1.0, "objective_1": 2.0}, {}, {"objective": 1.0, "objective_1": 2.0}),
    ],
)
def test_a_plain_number_is_the_named_objective_and_the_last_report_stands_in(
    returned: dict[str, float], reported: dict[str, float], numbers: dict[str, float]
) -> None:
    assert read_objective("loss", "minimize").named(returned, reported) == numbers


def test_plain_numbers_are_the_named_objectives_in_their_order() -> None:
    objective = read_objective(["b", "a"], ["minimize"] * 2)
    assert objective.named({"objective": 1.0, "objective_1": 2.0}, {}) == {"b": 1.0, "a": 2.0}


@pytest.mark.parametrize(
    ("name", "returned", "said"),
    [
        (None, {"a": 1.0, "b": 2.0}, "hydra.sweeper.objective"),
        ("c", {"a": 1.0}, "not the objective c"),
        (
            "los",
            {"loss": 1.0, "accuracy": 0.5},
            r"not the objective los; hydra\.sweeper\.objective: did you mean loss\?$",
        ),
        ("a", {}, "returned nothing"),
        ("a", {str(n): 1.0 for n in range(300)}, "6, 7 and 292 more, but not the objective a"),
        ("a", {"a": math.nan}, "a is nan"),
        ("a", {"a": -math.inf}, "a is -inf"),
    ],
)
def test_refuses_what_is_no_value(name: str | None, returned: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_objective(name, "minimize").values(returned)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("val_loss", r"^the objective val_loss is None, which is no number$"),
        ("val_los", r"returned acc, but not the objective val_los; .*: did you mean val_loss\?"),
        (None, r"returned 2 values \(acc, val_loss\) .* name one in hydra\.sweeper\.objective"),
    ],
)
def test_an_objective_that_was_returned_as_no_number(name: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_objective(name, "minimize").values({"acc": 0.5}, {"val_loss": "None"})


def test_names_have_no_order_that_directions_could_follow() -> None:
    objective = read_objective(None, ["minimize", "maximize"])
    assert objective.values({"objective": 1.0, "objective_1": 2.0}) == (1.0, 2.0)
    with pytest.raises(ValueError, match=r"returned b, a by name.* give hydra\.sweeper\.objective"):
        objective.values({"b": 1.0, "a": 2.0})


def test_the_pruner_sees_the_objective_or_the_only_metric() -> None:
    named = read_objective("loss", "minimize")
    assert named.intermediate({"loss": 1.0, "accuracy": 0.5}) == 1.0
    assert named.intermediate({"accuracy": 0.5}) is None
    unnamed = read_objective(None, "minimize")
    assert unnamed.intermediate({"any": 2.0}) == 2.0
    assert unnamed.intermediate({"a": 1.0, "b": 2.0}) is None


@pytest.mark.parametrize(
    ("name", "direction"), [(None, "up"), (["a", "b"], "minimize"), ("a", ["minimize"] * 2)]
)
def test_refuses_directions_that_do_not_fit(name: object, direction: object) -> None:
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\."):
        read_objective(name, direction)


def test_an_objective_is_named_once() -> None:
    said = r"hydra\.sweeper\.objective=\[a,b,a\]: names a more than once; name each objective once"
    with pytest.raises(ConfigError, match=said):
        read_objective(["a", "b", "a"], ["minimize", "maximize", "minimize"])
