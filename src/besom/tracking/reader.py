"""Reads recorded runs, thousands at once. Writes nothing."""

import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from besom.common.addresses import scheme_of
from besom.common.errors import StoreError
from besom.common.suggest import listed, suggested_ids, suggestion
from besom.common.terminal.commands import besom_command, record_flags
from besom.tracking import schema
from besom.tracking.address import SERVERS, check_address, own_address, sqlite_path
from besom.tracking.client import import_mlflow

PART_OF_ID = re.compile(r"[0-9a-f]{6,}", re.IGNORECASE)
MOST_IDS = 3
"""The most ids that a message lists where several begin with the given part."""
WORDS = {"True": True, "False": False, "None": None}


@dataclass(frozen=True)
class ReadRun:
    """A recorded run. Parameters are text, as MLflow keeps them; times in seconds since 1970."""

    run_id: str
    name: str
    status: str
    """A :class:`besom.tracking.schema.RunStatus`."""
    started: float
    ended: float | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    @property
    def key(self) -> str:
        """The run's name before MLflow gave it an id; several runs may have the same."""
        return self.tags.get(schema.KEY, "")

    @property
    def names(self) -> tuple[str, ...]:
        """The run's id, and its key where it has one."""
        return (self.run_id, self.key) if self.key else (self.run_id,)


@dataclass(frozen=True)
class Point:
    """One value of a metric's history. ``at`` is when it was reported, in seconds since 1970."""

    run_id: str
    metric: str
    step: int
    value: float
    at: float


class Reader(Protocol):
    """Reads the runs of a store."""

    @property
    def root(self) -> Path:
        """The folder below which this user's sweeps keep their studies."""
        ...

    @property
    def flags(self) -> str:
        """The flags with which commands find the record, each after a space."""
        ...

    @property
    def folder(self) -> Path | None:
        """The folder of the store's SQLite file; None for any other store."""
        ...

    @property
    def pages(self) -> str | None:
        """The address of the server's pages, without a password; None where there is no server."""
        ...

    def studies(self) -> list[str]:
        """Return the names of all studies, the last started one at the end."""
        ...

    def study(self, name: str) -> list[ReadRun]:
        """Return all runs of a study, oldest first."""
        ...

    def runs(self, run_ids: Sequence[str]) -> list[ReadRun]:
        """Return the runs with these ids, oldest first, without those that do not exist."""
        ...

    def run_ids(self) -> list[str]:
        """Return the ids of all runs."""
        ...

    def names(self, study: str) -> set[str]:
        """Return the ids and keys of all runs of a study: a trial refers to its run by either."""
        ...

    def points(self, run_ids: Sequence[str]) -> list[Point]:
        """Return the metric histories of these runs, sorted by run, metric and step."""
        ...

    def text(self, run_id: str, path: str) -> str | None:
        """Return a text artifact of a run, None where it has none of that name."""
        ...


def meant(reader: Reader, word: str) -> str:
    """Return the second half of a message: the studies or run ids that ``word`` may stand for."""
    studies = reader.studies()
    found = suggestion(word, studies)
    ids: list[str] = []
    if found is None and PART_OF_ID.fullmatch(word):
        ids = suggested_ids(word.lower(), reader.run_ids())
    if len(ids) > 1:
        more = ", …" if len(ids) > MOST_IDS else ""
        return f"{len(ids)} runs begin so: {', '.join(ids[:MOST_IDS])}{more}"
    if found := found or next(iter(ids), None):
        return f"did you mean `{found}`?"
    if not studies:
        return "there is no study yet; `besom sweep NAME` makes one"
    known = f"there are the studies {listed(studies)}"
    if PART_OF_ID.fullmatch(word):
        csv = besom_command("compare", "STUDY", "--csv", flags=reader.flags)
        return f"`{csv}` shows the ids of a study's runs; {known}"
    return known


def value_of(text: str) -> Any:
    """Return a parameter as it was before MLflow turned it into text."""
    if text in WORDS:
        return WORDS[text]
    for kind in (int, float):
        try:
            if str(value := kind(text)) == text:
                return value
        except ValueError:
            continue
    return text


def open_reader(root: Path, uri: str | None) -> Reader:
    """Open the record below ``root``, or the one at ``uri``, for reading.

    Raises:
        StoreError: there is no record, or the address cannot be reached.
    """
    flags = record_flags(str(root), uri)
    uri = uri or own_address(root)
    path = sqlite_path(uri)
    if path is not None and not os.path.exists(path):  # Path.exists fails over a name too long
        raise StoreError(f"{path.parent} holds no record; `besom sweep NAME` makes one")
    check_address(uri)
    import_mlflow()
    from besom.tracking.mlflow_readers import DatabaseReader, ServerReader

    kind = ServerReader if scheme_of(uri) in SERVERS else DatabaseReader
    return kind(uri, root, flags)


def known_trials(root: Path) -> dict[str, list[int]]:
    """Return the studies below ``root`` and their trials' numbers, for shell completion.

    Does not import MLflow, which takes seconds. Returns nothing where the record cannot be read.
    """
    query = (
        "SELECT study.value, trial.value FROM tags study JOIN runs USING (run_uuid) "
        "LEFT JOIN tags trial ON trial.run_uuid = study.run_uuid AND trial.key = ? "
        "WHERE study.key = ? AND lifecycle_stage = 'active'"
    )
    found: dict[str, set[int]] = {}
    for study, trial in _asked(root, query, schema.TRIAL, schema.STUDY):
        found.setdefault(study, set()).update([] if trial is None else [int(trial)])
    return {study: sorted(numbers) for study, numbers in found.items()}


def run_ids_like(root: Path, beginning: str) -> list[str]:
    """Return the run ids with this beginning, for shell completion.

    Returns none for fewer than two digits, since too many ids begin with one.
    """
    if not re.fullmatch("[0-9a-f]{2,32}", beginning):
        return []
    query = "SELECT run_uuid FROM runs WHERE run_uuid LIKE ? AND lifecycle_stage = 'active'"
    return [run_id for (run_id,) in _asked(root, query, f"{beginning}%")]


def _asked(root: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    address = f"{(root / 'mlflow.db').absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            return database.execute(query, values).fetchall()
    except sqlite3.Error:
        return []
