"""The kinds of entries that a run's log may hold.

Logs of earlier commits may wait on disk: a kind or a key of a body never changes. Text is kept
without the passwords of addresses.
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
    """What an entry tells."""

    OPENED = "opened"
    """A log's first entry: what its run is called, and to which store it goes."""
    PARAMS = "params"
    METRICS = "metrics"
    TAGS = "tags"
    TEXT = "text"
    FILE = "file"
    MODEL = "model"
    TABLE = "table"
    VIEW = "view"
    """What MLflow's pages show of a study: tags of the experiment."""
    DATASET = "dataset"
    DUPLICATE = "duplicate"
    """The run repeats another one."""
    FINISHED = "finished"
    """The run's last words, and what its caller is about to commit."""
    CLOSED = "closed"
    """The last words again, now for MLflow."""
    MODEL_DELETED = "model deleted"
    """The run's model is not kept any longer; told of a run that has ended."""


@dataclass(frozen=True)
class Entry:
    """One thing to tell: its kind, its content (JSON), and when it was said (ms since 1970)."""

    kind: str
    body: Mapping[str, Any]
    at: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


def opened(name: str, tags: Mapping[str, str], place: Mapping[str, str]) -> Entry:
    """A log's first entry; ``place`` says which store and experiment its run is in."""
    shown = shorten(storable(mask(name)), schema.RUN_NAME_LENGTH)
    return Entry(Kind.OPENED, {"name": shown, "tags": masked(tags), **place})


def params(values: Mapping[str, Any]) -> Entry:
    return Entry(Kind.PARAMS, masked(values))


def tags(values: Mapping[str, Any]) -> Entry:
    return Entry(Kind.TAGS, masked(values))


def note(markdown: str) -> Entry:
    """The text on top of a run's page: of its lines as many as MLflow has room for."""
    while len(markdown) > schema.TAG_LENGTH:
        markdown = markdown[: schema.TAG_LENGTH - 2].rpartition("\n")[0] + "\n…"
    return tags({schema.NOTE: markdown})


def metrics(step: int, values: Mapping[str, float], after: int) -> Entry:
    """Numbers after ``step``, said later than ``after`` (ms since 1970)."""
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
    """One side of a model as the body of its entry has it: see :func:`model`."""
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
    """Of a run whose :func:`finished` entry is ``last_words``."""
    kept = {key: last_words.body[key] for key in ("status", "tags")}
    return Entry(Kind.CLOSED, {**kept, "ended": last_words.at, "model": has_model})


def model_deleted(why: str) -> Entry:
    return Entry(Kind.MODEL_DELETED, {"why": why})


def masked(values: Mapping[str, Any]) -> dict[str, str]:
    """Text as all that may read the record see it: without the passwords of addresses."""
    return {name: _masked_text(str(value)) for name, value in values.items()}


def _cell(value: float | str) -> float | str:
    return mask(value) if isinstance(value, str) else value


# What a process tells of its environment is the same for all its runs, and long.
_masked_text = functools.lru_cache(maxsize=64)(lambda text: storable(mask(text)))


def file_fingerprint(path: Path) -> list[int] | None:
    """Size and time of the last change (ns) of a file; None for a folder, or where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns] if path.is_file() else None


def is_overwritten(entry: Entry, ended: int | None) -> bool:
    """Whether the file of an entry was written after its run had ended (ms since 1970).

    Attempts at one trial share a job folder: while MLflow is away the next one may have written a
    file anew before that of the first is delivered. A file that has not changed is the run's own,
    whatever the clock of its file system says.
    """
    before, now = entry.body.get("stamp"), file_fingerprint(Path(entry.body.get("path", "")))
    if ended is None or before is None or now is None:
        return False
    return now != before and now[1] // 1_000_000 > ended
