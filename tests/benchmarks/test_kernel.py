"""The kernel benchmark's operation count and processor times."""

from benchmarks import kernel
from benchmarks.configurations import BASELINE


def test_the_baselines_epoch_has_the_operations_that_the_issue_names() -> None:
    assert round(kernel._operations(BASELINE, reviews=20_000) / 1e9, 1) == 24.6


def test_a_side_notes_processor_time_beside_the_wall() -> None:
    side = kernel.Side(lambda: sum(range(1000)))
    walls = [side(), side()]
    assert len(side.processor) == 2
    assert all(
        0 <= processor <= wall + 0.1 for processor, wall in zip(side.processor, walls, strict=True)
    )
