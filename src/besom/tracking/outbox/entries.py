"""Makes the entries of a run's log, one function for each kind.

Logs written by earlier commits may wait on disk, so a kind or a key of a body must never change.
Passwords in addresses are removed from text.
"""

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from besom.common.addresses import mask
from besom.common.keras_model import KerasModel, Tensors, TensorSpec
from besom.common.text import shorten, storable
from besom.session import LoggedDataset
from besom.tracking import schema


class Kind(StrEnum):
    """The kinds of entries."""

    OPENED = "opened"
    """A log's first entry: the run's name, and the store that it belongs to."""
    PARAMS = "params"
    METRICS = "metrics"
    TAGS = "tags"
    TEXT = "text"
    FILE = "file"
    MODEL = "model"
    TABLE = "table"
    VIEW = "view"
    """The view of a study on MLflow's pages: tags of the experiment."""
    DATASET = "dataset"
    DUPLICATE = "duplicate"
    """The run repeats another one."""
    FINISHED = "finished"
    """The run's final status and tags, and the outcome that its caller is about to commit."""
    CLOSED = "closed"
    """The same status and tags, now to be sent to MLflow."""
    MODEL_DELETED = "model deleted"
    """The model of a run that has ended is to be deleted."""


@dataclass(frozen=True)
class Entry:
    """One entry of a log: its kind, its content (JSON), and when it was made (ms since 1970)."""

    kind: str
    body: Mapping[str, Any]
    at: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


def opened(name: str, tags: Mapping[str, str], place: Mapping[str, str]) -> Entry:
    """Return a log's first entry; ``place`` names the store and the experiment of its run."""
    shown = shorten(storable(mask(name)), schema.RUN_NAME_LENGTH)
    return Entry(Kind.OPENED, {"name": shown, "tags": masked(tags), **place})


def params(values: Mapping[str, Any]) -> Entry:
    return Entry(Kind.PARAMS, masked(values))


def tags(values: Mapping[str, Any]) -> Entry:
    return Entry(Kind.TAGS, masked(values))


def note(markdown: str) -> Entry:
    """Return an entry for the text on top of a run's page, cut to the lines that MLflow takes."""
    while len(markdown) > schema.TAG_LENGTH:
        markdown = markdown[: schema.TAG_LENGTH - 2].rpartition("\n")[0] + "\n…"
    return tags({schema.NOTE: markdown})


def metrics(step: int, values: Mapping[str, float], after: int) -> Entry:
    """Return an entry for metrics at ``step``, with a time later than ``after`` (ms since 1970)."""
    numbers = {name: float(value) for name, value in values.items()}
    now = Entry(Kind.METRICS, {"step": step, "values": numbers})
    return Entry(now.kind, now.body, max(now.at, after + 1))


def text(artifact_path: str, content: str) -> Entry:
    return Entry(Kind.TEXT, {"path": artifact_path, "text": _masked_text(content)})


def file(path: Path) -> Entry:
    return Entry(Kind.FILE, {"path": str(path.absolute()), "stamp": file_fingerprint(path)})


def model(saved: KerasModel) -> Entry:
    sides = asdict(saved)
    return Entry(Kind.MODEL, {**sides, **file(saved.path).body})


def tensors(side: dict[str, Any] | None) -> Tensors:
    """Return a model's inputs or outputs from the body of its entry: see :func:`model`."""
    if side is None:
        return None
    if isinstance(side.get("dtype"), str):
        return TensorSpec(**side)
    return {name: TensorSpec(**spec) for name, spec in side.items()}


def table(name: str, rows: Sequence[Mapping[str, float | str]]) -> Entry:
    shown = [{column: _cell(value) for column, value in row.items()} for row in rows]
    return Entry(Kind.TABLE, {"name": name, "rows": shown})


def view(tags: Mapping[str, str]) -> Entry:
    return Entry(Kind.VIEW, {"tags": masked(tags)})


def dataset(data: LoggedDataset) -> Entry:
    texts = {"name": data.name, "digest": data.digest, "source": data.source}
    return Entry(Kind.DATASET, {**masked(texts), "n_rows": data.rows})


def duplicate(source_run_id: str, params: Mapping[str, Any], values: Mapping[str, float]) -> Entry:
    known = {"params": masked(params), "values": dict(values)}
    return Entry(Kind.DUPLICATE, {"source_run_id": source_run_id, **known})


def finished(
    status: str, tags: Mapping[str, Any], outcome: Mapping[str, Any], ended: int | None
) -> Entry:
    body = {"status": status, "tags": masked(tags), "outcome": dict(outcome)}
    return Entry(Kind.FINISHED, body, ended) if ended else Entry(Kind.FINISHED, body)


def closed(last_words: Entry, has_model: bool) -> Entry:
    """Return the closing entry of a run whose :func:`finished` entry is ``last_words``."""
    kept = {key: last_words.body[key] for key in ("status", "tags")}
    return Entry(Kind.CLOSED, {**kept, "ended": last_words.at, "model": has_model})


def model_deleted(why: str) -> Entry:
    return Entry(Kind.MODEL_DELETED, {"why": why})


def masked(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as text, without passwords in addresses: others may read the record."""
    return {name: _masked_text(str(value)) for name, value in values.items()}


def _cell(value: float | str) -> float | str:
    return mask(value) if isinstance(value, str) else value


# A process logs the same long texts on its environment for all its runs.
_masked_text = functools.lru_cache(maxsize=64)(lambda text: storable(mask(text)))


def file_fingerprint(path: Path) -> list[int] | None:
    """Return a file's size and modification time (ns); None for a folder or a missing file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns] if path.is_file() else None


def is_overwritten(entry: Entry, ended: int | None) -> bool:
    """Return whether an entry's file has been overwritten since its run ended (ms since 1970).

    Attempts at one trial share a job folder: while MLflow is down, the next attempt may overwrite a
    file before that of the first is delivered. A file that has not changed since it was logged is
    the run's own, whatever the clock of its file system says.
    """
    before, now = entry.body.get("stamp"), file_fingerprint(Path(entry.body.get("path", "")))
    if ended is None or before is None or now is None:
        return False
    return now != before and now[1] // 1_000_000 > ended
