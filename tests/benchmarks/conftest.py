"""An example of a benchmark's report."""

import pytest

from benchmarks.result import Goal, Report, Row


@pytest.fixture
def report() -> Report:
    return Report(
        name="kernel",
        rows=[
            Row("baseline", [0.5, 0.7], [2.4, 2.8], "stock model.fit", goal=Goal(4)),
            Row("compiling", [1.25], [], goal=Goal(0.5, False), note="once"),
        ],
        quick=False,
        command="python -m benchmarks.kernel",
        date="2026-11-22T16:13:33+00:00",
        seconds=123.0,
        machine={
            "system": "Linux",
            "processor": "Abacus",
            "cores": 2,
            "memory_gib": 23.5,
            "load_before": 0.1,
        },
        versions={"python": "3.11.7", "keras": "3.15.1"},
    )
