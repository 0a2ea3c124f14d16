"""Figures computed from samples, and reports that are equal after a round trip through JSON."""

from pathlib import Path

import pytest

from benchmarks import result
from benchmarks.result import Goal, Report, Row


def test_the_figure_with_a_peer_is_the_ratio_of_the_medians() -> None:
    row = Row("x", ours=[1.0, 2.0, 10.0], peer=[6.0, 5.0, 90.0])
    assert row.figure == 3.0
    assert row.spread == (2.5, 9.0)  # the ratios of the repetitions


def test_a_peer_with_fewer_samples_is_compared_with_all_of_ours() -> None:
    assert Row("x", ours=[1.0, 2.0], peer=[6.0]).spread == (3.0, 6.0)


def test_the_figure_without_a_peer_is_the_median() -> None:
    row = Row("x", ours=[0.3, 0.1, 0.2])
    assert (row.figure, row.spread) == (0.2, (0.1, 0.3))


@pytest.mark.parametrize(
    ("goal", "reached"),
    [(None, None), (Goal(2), True), (Goal(2.1), False), (Goal(2, False), True)],
)
def test_a_goal_is_a_least_or_a_most(goal: Goal | None, reached: bool | None) -> None:
    assert Row("x", [2.0], goal=goal).reached is reached


def test_a_report_survives_json(tmp_path: Path, report: Report) -> None:
    file = tmp_path / "new" / "folder" / "x.json"
    result.write(report, file)
    assert result.read(file) == report
