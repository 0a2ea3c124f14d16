"""The counts of ``besom sync``: the runs that it has delivered, and the others, by reason."""

from pathlib import Path
from typing import Any

import pytest

from besom.tracking import Record, connect, schema
from besom.tracking.outbox import sync as syncing
from besom.tracking.outbox.sync import Synced, sync

EXPERIMENT = "tests"


def left_open(root: Path) -> str:
    """Leave a run open whose record is closed, as if its process had ended; return its id."""
    with connect(root, None, EXPERIMENT) as record:
        return record.start_run("left", {schema.STUDY: "s"})


def test_what_living_processes_write_meanwhile_is_not_counted_as_delivered(
    record: Record, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_open(root)
    ended = record.start_run("ends meanwhile", {})

    def connecting(*place: Any) -> Record:
        for number in range(3):
            record.start_run(f"begins meanwhile {number}", {})
        record.prepare_end(ended, "FINISHED", {}, {})
        record.end_run(ended)
        record.flush()
        return connect(*place)

    monkeypatch.setattr(syncing, "connect", connecting)
    assert sync(root, None) == Synced(left=1, running=3)


def test_a_run_that_has_ended_is_delivered(root: Path) -> None:
    run_id = left_open(root)
    with connect(root, None, EXPERIMENT) as record:
        record.pending()
        record.prepare_end(run_id, "FINISHED", {}, {})
    assert sync(root, None) == Synced(delivered=1)
    assert sync(root, None) == Synced()


@pytest.mark.parametrize(
    ("synced", "lines"),
    [
        (Synced(), ["nothing was waiting"]),
        (
            Synced(1, 1, 0, 1),
            [
                "1 run delivered",
                "1 run of an unfinished sweep or another address: repeat its command",
                "1 run of processes that run: they deliver by themselves",
            ],
        ),
        (
            Synced(2, 0, 3),
            [
                "2 runs delivered",
                "3 runs not in MLflow any more: restore what was deleted, then sync again",
            ],
        ),
    ],
)
def test_a_line_for_each_number(synced: Synced, lines: list[str]) -> None:
    assert synced.lines() == lines
