import io

from rich.console import Console

from besom.common.terminal.steps import ShownSteps


class Clock:
    """A clock that changes only when ``now`` is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_elsewhere_each_step_has_a_line() -> None:
    file, clock = io.StringIO(), Clock()
    with ShownSteps("epoch", Console(file=file), clock) as shown:
        shown.expect(10)
        clock.now = 20.0
        shown.report(1, {"loss": 0.5, "val_accuracy": 0.0004073})
        clock.now = 21.5
        shown.report(10, {"loss": 12345.678, "val_accuracy": 1.0})
        shown.report(11, {"val_loss": 0.25})
    assert [line.split() for line in file.getvalue().splitlines()] == [
        ["epoch", "loss", "val_accuracy", "seconds"],
        ["1/10", "0.5", "0.0004073", "20.0"],
        ["10/10", "1.235e+04", "1", "1.5"],
        ["epoch", "val_loss", "seconds"],
        ["11/10", "0.25", "0.0"],
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


def test_a_terminal_shows_a_bar_that_is_gone_at_the_end() -> None:
    file, clock = io.StringIO(), Clock()
    console = Console(file=file, force_terminal=True, width=80)
    with ShownSteps("epoch", console, clock) as shown:
        shown.expect(4)
        clock.now = 10.0
        shown.report(1, {"loss": 0.123})
        clock.now = 14.0
        shown.report(2, {"loss": 0.124})
        bar = "".join(segment.text for segment in console.render(shown._bars.get_renderable()))
    assert "epoch 2/4" in bar and "━" in bar and bar.rstrip().endswith(" 8.0 s left")
    assert file.getvalue().count("0.124") == 1
