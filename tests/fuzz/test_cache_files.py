"""What Besom keeps for itself, damaged: noticed and made again, never used, never in the way."""

import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from besom.rnn.data import cache
from besom.rnn.data.corpus import Reviews
from besom.rnn.program_store import ProgramStore
from besom.sweeping import kept_probe
from besom.tracking.ledger import Ledger
from besom.tracking.spool import SUFFIX, Entry, Spool, read
from tests.fuzz.damage import JSON, Damage, damages
from tests.fuzz.harness import bounded, examples

SPLIT = Reviews(np.arange(40, dtype=np.int32), np.array([0, 10, 40]), np.array([0, 1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("kept")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Warnings are as they should be, and many."""
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


@examples(60)
@given(damage=damages())
def test_a_compiled_program_is_whole_or_made_again(folder: Path, damage: Damage) -> None:
    store, content = ProgramStore(folder / "programs", "here"), bytes(range(256))
    with store.at_hand("a"):
        (store.desk / "a.pb").write_bytes(content)
    for entry in (folder / "programs").glob("[!.]*"):
        entry.write_bytes(damage(entry.read_bytes()))
    with bounded(), store.at_hand("a"):
        file = store.desk / "a.pb"
        assert not file.exists() or file.read_bytes() == content
    store.forget("a")


MEASURED = {
    "date": "2999-01-01T00:00:00",
    "probe": {"start": 1.0, "step": 0.5, "rest": 0.25, "disk": 1000},
}


@examples(60)
@given(damage=damages(), content=st.just(MEASURED) | JSON)
@example(damage=lambda content: content, content=MEASURED | {"date": "2999-01-01T00:00:00+00:00"})
@example(
    damage=lambda content: content,
    content=MEASURED | {"probe": dict.fromkeys(MEASURED["probe"], "x")},
)
def test_a_measurement_is_numbers_or_none(folder: Path, damage: Damage, content: Any) -> None:
    file = folder / "measured.json"
    file.write_bytes(damage(json.dumps(content).encode()))
    with pytest.MonkeyPatch.context() as patch, bounded():
        patch.setattr(kept_probe, "_file", lambda plan: file)
        kept = kept_probe.recall(None)  # type: ignore[arg-type]
    if kept is not None:
        numbers = vars(kept.probe).values()
        assert all(math.isfinite(number) and number >= 0 for number in numbers)


SAID = [
    Entry(
        "opened", {"name": "a", "tags": {"besom.study": "s"}, "store": "own", "experiment": "e"}, 1
    ),
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
    spool_folder = folder / "spool"
    spool_folder.mkdir(exist_ok=True)
    path = spool_folder / f"r{SUFFIX}"
    path.unlink(missing_ok=True)
    spool = Spool.create(spool_folder, "r")
    for entry in SAID:
        spool.append(entry)
    spool.close()
    path.write_bytes(damage(path.read_bytes()))
    with bounded():
        assert [entry for entry in read(path) if entry not in SAID] == []
        ledger = Ledger(spool_folder, "own", "e")
        ledger.adopt({})
        ledger.settled(), ledger.pending({})
        ledger.close(delivered=False)


@examples(60)
@given(lines=st.lists(JSON | st.just({"kind": "opened", "body": {}, "at": 1}), max_size=3))
@example(lines=[{"kind": "opened", "body": {}, "at": 1}])
@example(lines=[{"kind": "opened", "body": None, "at": 1}])
def test_a_log_of_something_else_is_let_alone(folder: Path, lines: list[Any]) -> None:
    spool_folder = folder / "strange"
    spool_folder.mkdir(exist_ok=True)
    (spool_folder / f"r{SUFFIX}").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with bounded():
        ledger = Ledger(spool_folder, "own", "e")
        ledger.adopt({})
        ledger.settled(), ledger.pending({})
        ledger.close(delivered=False)
