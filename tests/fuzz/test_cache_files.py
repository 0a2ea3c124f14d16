"""Damaged files of Besom's cache and spool: never used as if whole, and never an obstacle."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from besom.rnn.data import cache
from besom.rnn.data.corpus import Reviews
from besom.tracking import schema
from besom.tracking.outbox.entries import Entry
from besom.tracking.outbox.log import SUFFIX, RunLog, read
from besom.tracking.outbox.outbox import Outbox
from tests.fuzz.damage import JSON, Damage, damages
from tests.fuzz.harness import bounded, examples

SPLIT = Reviews(np.arange(40, dtype=np.int32), np.array([0, 10, 40]), np.array([0, 1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("kept")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Silence the warnings, which are right but many."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def same_reviews(folder: Path) -> None:
    with bounded():
        for found in cache.open_or_build(folder / "a", lambda: (SPLIT, SPLIT)):
            for name in ("tokens", "offsets", "labels"):
                kept, right = getattr(found, name), getattr(SPLIT, name)
                assert np.array_equal(kept, right) and kept.dtype == right.dtype


@examples(60)
@given(damage=damages(), number=st.integers(0, 6))
def test_reviews_are_read_as_they_were_kept(folder: Path, damage: Damage, number: int) -> None:
    same_reviews(folder)
    file = sorted((folder / "a").iterdir())[number]
    file.write_bytes(damage(file.read_bytes()))
    same_reviews(folder)


@examples(40)
@given(JSON)
@example({"format": 1, "files": {}})
@example({"format": 1, "files": {"manifest.json": [0, 0]}})
def test_a_manifest_of_something_else(folder: Path, content: Any) -> None:
    same_reviews(folder)
    (folder / "a" / cache.MANIFEST).write_text(json.dumps(content))
    same_reviews(folder)


def test_a_manifest_without_end(folder: Path) -> None:
    same_reviews(folder)
    (folder / "a" / cache.MANIFEST).write_text("[" * 100_000)
    same_reviews(folder)


PLACE = {"store": "own", "experiment": "e"}
SAID = [
    Entry("opened", {"name": "a", "tags": {schema.STUDY: "s"}, **PLACE}, 1),
    Entry("params", {"units": "32"}, 2),
    Entry("metrics", {"step": 1, "values": {"loss": 0.81}}, 3),
    Entry("text", {"path": "config.yaml", "text": "é"}, 4),
    Entry("finished", {"status": "FINISHED", "tags": {}, "outcome": {"value": 0.81}}, 5),
]


@examples(100)
@given(damage=damages())
@example(damage=lambda content: content.partition(b"\n")[0])
@example(damage=lambda content: content.replace(b',"crc":', b""))
def test_a_log_tells_what_was_said_or_less(folder: Path, damage: Damage) -> None:
    logs = folder / "spool"
    logs.mkdir(exist_ok=True)
    path = logs / f"r{SUFFIX}"
    path.unlink(missing_ok=True)
    log = RunLog.create(logs, "r")
    for entry in SAID:
        log.append(entry)
    log.close()
    path.write_bytes(damage(path.read_bytes()))
    with bounded():
        assert [entry for entry in read(path) if entry not in SAID] == []
        outbox = Outbox(logs, "own", PLACE, lambda run_id, entries: None)
        outbox.take_over({})
        outbox.pending({})
        outbox.close()


@examples(60)
@given(lines=st.lists(JSON | st.just({"kind": "opened", "body": {}, "at": 1}), max_size=3))
@example(lines=[{"kind": "opened", "body": {}, "at": 1}])
@example(lines=[{"kind": "opened", "body": None, "at": 1}])
def test_a_log_of_something_else_is_let_alone(folder: Path, lines: list[Any]) -> None:
    logs = folder / "strange"
    logs.mkdir(exist_ok=True)
    (logs / f"r{SUFFIX}").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with bounded():
        outbox = Outbox(logs, "own", PLACE, lambda run_id, entries: None)
        outbox.take_over({})
        outbox.pending({})
        outbox.close()
