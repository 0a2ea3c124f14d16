from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from omegaconf import ListConfig

from besom.common.errors import UserError
from besom.common.states import State
from besom.workers.messages import Assignment, FromWorker
from besom.workers.trial import as_numbers, run_trial
from tests.workers.conftest import runner_in


def some() -> Iterator[float]:
    yield 0.5
    yield 1.0


@pytest.mark.parametrize(
    "several",
    [
        [0.5, 1],
        (0.5, True),
        numpy.array([0.5, 1]),
        ListConfig([0.5, 1]),
        some(),
        {0: 0.5, 1: 1},
        {0: 0.5, 1: 1}.values(),
    ],
)
def test_several_numbers_of_any_kind(several: Any) -> None:
    assert [*as_numbers(several)[0].values()] == [0.5, 1.0]


@pytest.mark.parametrize("one", [0.5, numpy.float32(0.5), numpy.array(0.5), [0.5]])
def test_one_number_of_any_kind(one: Any) -> None:
    assert as_numbers(one) == ({"objective": 0.5}, {})


@pytest.mark.parametrize(
    ("other", "shown"),
    [(None, "None"), ("abc", "'abc'"), ({"a": 2.0}, "{'a': 2.0}"), (numpy.zeros(2), "array([0")],
)
def test_what_is_no_number_beside_one_is_left_out_and_named_in_the_log(
    other: Any, shown: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with runner_in(tmp_path, lambda config: {"loss": 1.0, "other": other}) as runner:
        outcome = run_trial(runner, Assignment(0, 1, ()), Mute(), is_used=False)
    assert (outcome.state, outcome.returned) == (State.COMPLETE, {"loss": 1.0})
    assert outcome.left_out["other"].startswith(shown)
    said = "besom: left out of what the task returned, as no numbers: other\n"
    assert said in capfd.readouterr().err


class Mute:
    """A supervisor that ignores messages and never replies."""

    def send(self, message: FromWorker) -> None:
        pass

    def receive(self) -> Any:
        raise NotImplementedError


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ([0.1] * 300_000, "more than 10,000 numbers"),
        (dict.fromkeys(range(20_000), 0.1), "more than 10,000 numbers"),
        (iter(lambda: 0.1, None), "more than 10,000 numbers"),
        ("0.5", "returned '0.5'"),
        (1j, "returned 1j"),
        ({0.5}, r"returned {0\.5}"),
        ([], r"returned \[\]"),
        ([None], r"returned \[None\] \(objective is of type NoneType; it must be a number\)"),
        ([0.5, "x"], r"returned \[0\.5, 'x'\] \(objective_1 is of type str; it must be a number\)"),
        ({"loss": None}, r"returned {'loss': None} \(loss is of type NoneType; it must be a numb"),
        (numpy.zeros((2, 2)), "must return a number"),
        ({"loss": numpy.zeros(2)}, "must return a number"),
        ([10**5000], "an object of type list"),
        (Unspeakable(), "an object of type Unspeakable"),
        ({"path": "x\udce9"}, "must return a number"),
    ],
)
def test_refuses_all_else_in_a_line(returned: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        as_numbers(returned)
    assert len(str(error.value).splitlines()) == 1 and len(str(error.value)) < 250
