import io
from collections.abc import Iterator
from itertools import count

import pytest
from rich.console import Console

from besom.common.terminal.steps import ShownSteps


@pytest.fixture
def clock() -> Iterator[float]:
    """Half a second passes between two looks at it."""
    return count(0.0, 0.5)


def test_elsewhere_each_step_has_a_line(clock: Iterator[float]) -> None:
    file = io.StringIO()
    with ShownSteps("epoch", Console(file=file), clock.__next__) as shown:
        shown.expect(10)
        shown.report(1, {"loss": 0.5, "val_accuracy": 0.0004073})
        shown.report(10, {"loss": 12345.678, "val_accuracy": 1.0})
        shown.report(11, {"val_loss": 0.25})
    assert [line.split() for line in file.getvalue().splitlines()] == [
        ["epoch", "loss", "val_accuracy", "seconds"],
        ["1/10", "0.5", "0.0004073", "1.0"],
        ["10/10", "1.235e+04", "1", "1.0"],
        ["epoch", "val_loss", "seconds"],
        ["11/10", "0.25", "1.0"],
    ]
    assert len({len(line) for line in file.getvalue().splitlines()[:3]}) == 1
    assert "\x1b" not in file.getvalue()


def test_of_very_many_steps_every_tenth_and_hundredth_has_one() -> None:
    file = io.StringIO()
    with ShownSteps("step", Console(file=file)) as shown:
        for step in range(20_001):
            shown.report(step, {"loss": 1.0})
    steps = [int(line.split()[0]) for line in file.getvalue().splitlines()[1:]]
    assert steps == [*range(1000), *range(1000, 10_000, 10), *range(10_000, 20_001, 100)]


def test_a_terminal_shows_a_bar_that_is_gone_at_the_end(clock: Iterator[float]) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with ShownSteps("epoch", console, clock.__next__) as shown:
        shown.expect(4)
        shown.report(2, {"loss": 0.5})
        bar = "".join(segment.text for segment in console.render(shown._bars.get_renderable()))
    assert "epoch 2/4" in bar and "━" in bar and bar.rstrip().endswith("s left")
    assert file.getvalue().count("0.5") == 1
