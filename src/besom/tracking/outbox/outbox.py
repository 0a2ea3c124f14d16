"""The logs of all runs that this process answers for: its own, and those that dead ones left."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from besom.common.errors import StoreError
from besom.common.files import remedy
from besom.tracking.outbox.log import OPENED, REFUSED, SUFFIX, Entry, Spool, opening, read, spools


@dataclass(frozen=True)
class Pending:
    """A run that its process left open: not finished (``outcome`` is None), or finished with an
    outcome and not confirmed."""

    run_id: str
    name: str
    tags: Mapping[str, str]
    outcome: Mapping[str, Any] | None


@dataclass
class _Page:
    """One run: its log, and what the log says about its beginning and end."""

    spool: Spool
    opened: Entry
    finished: Entry | None = None
    confirmed: bool = False
    adopted: bool = False
    has_model: bool = False
    is_synced: bool = False
    is_refused: bool = False

    @property
    def guest(self) -> bool:
        """A run that was only added to need not be closed: it was closed before, or will be."""
        return not self.opened.body["tags"]

    @property
    def settled(self) -> bool:
        """Whether the run has ended and no outcome has to be committed before it is closed."""
        return self.finished is not None and not self.finished.body["outcome"]

    def take(self, entry: Entry) -> None:
        """Learn from an entry how far the run is."""
        if entry.kind == "finished":
            self.finished = entry
        elif entry.kind == "closed":
            self.confirmed = True
        elif entry.kind == "model":
            self.has_model = True


class Ledger:
    """Opens, adopts and removes logs in one folder, for one experiment of one store (``address``).

    Logs of others are let alone: their runs are unknown here.
    """

    def __init__(self, folder: Path, address: str, experiment: str) -> None:
        self.folder = folder
        self._place = {"store": address, "experiment": experiment}
        self._pages: dict[str, _Page] = {}
        self._lock = threading.RLock()

    def open(self, run_id: str, name: str, tags: Mapping[str, str]) -> Entry:
        """Begin the log of a run of this process, with this entry."""
        opened = Entry(OPENED, {"name": name, "tags": dict(tags), **self._place})
        try:
            spool = Spool.create(self.folder, run_id)
            try:
                spool.append(opened)
            except OSError:
                spool.remove()
                raise
        except OSError as error:
            raise self._unwritable(error) from error
        with self._lock:
            self._pages[run_id] = _Page(spool, opened)
        return opened

    def __contains__(self, run_id: str) -> bool:
        with self._lock:
            return run_id in self._pages

    def append(self, run_id: str, entry: Entry, sync: bool = False) -> None:
        """Add an entry to a run's log; runs that were not opened here become guests."""
        with self._lock:
            if run_id not in self._pages:
                self.open(run_id, name="", tags={})
            page = self._pages[run_id]
            try:
                page.spool.append(entry)
                if sync:
                    page.spool.sync()
            except OSError as error:
                raise self._unwritable(error) from error
            page.take(entry)
            # A run that has finished is closed by the next start, whether or not this was kept.
            page.is_synced = sync or (page.is_synced and entry.kind == "closed")

    def sync(self) -> None:
        """Make sure that even a power failure keeps what was appended so far.

        Only for the thread that also removes logs. A writer that appends meanwhile does not wait.

        Raises:
            StoreError: the disk does not take it.
        """
        with self._lock:
            pages = [page for page in self._pages.values() if not page.is_synced]
        for page in pages:
            page.is_synced = True  # first: what is appended meanwhile takes it back
            try:
                page.spool.sync()
            except OSError as error:
                page.is_synced = False
                raise self._unwritable(error) from error

    def finished(self, run_id: str) -> Entry:
        """The last words of a run.

        Raises:
            KeyError: it has not finished.
        """
        with self._lock:
            finished = self._pages[run_id].finished
        if finished is None:
            raise KeyError(run_id)
        return finished

    def has_model(self, run_id: str) -> bool:
        """Whether the run may have a model, its own or one that it shares."""
        with self._lock:
            return self._pages[run_id].has_model

    def adopt(
        self, tags: Mapping[str, str], run_id: str | None = None
    ) -> dict[str, Sequence[Entry]]:
        """Take over what dead processes left of runs with these tags, or of one run alone, also
        what was refused: the run may have been restored.

        Returns:
            Their entries by run.
        """
        adopted: dict[str, Sequence[Entry]] = {}
        for path in spools(self.folder, (SUFFIX, REFUSED)):
            opened = opening(path)
            if opened is None or run_id not in (None, path.stem):
                continue
            if not self._concerns(opened, tags) or path.stem in self._pages:
                continue
            if spool := Spool.adopt(path):
                adopted[path.stem] = list(read(path))
                self._turn_to(spool, adopted[path.stem])
        return adopted

    def settled(self) -> list[str]:
        """The adopted runs that have ended and need no confirmation."""
        with self._lock:
            pages = list(self._pages.values())
        return [
            page.spool.run_id
            for page in pages
            if page.adopted and page.settled and not page.confirmed
        ]

    def pending(self, tags: Mapping[str, str]) -> list[Pending]:
        """The adopted runs with these tags that are not closed yet."""
        with self._lock:
            pages = list(self._pages.values())
        return [
            _pending(page)
            for page in pages
            if page.adopted and not (page.guest or page.settled or page.confirmed)
            if tags.items() <= page.opened.body["tags"].items()
        ]

    def remove(self, run_id: str) -> None:
        """All of a closed run has been delivered."""
        with self._lock:
            if page := self._pages.pop(run_id, None):
                page.spool.remove()

    def set_aside(self, run_id: str) -> Path | None:
        """MLflow has refused to take a run's entries; the new place of its log, the first time."""
        with self._lock:
            self._pages[run_id].is_refused = True
            return self._pages[run_id].spool.set_aside()

    def refused(self) -> list[str]:
        """The runs of which MLflow has refused entries, and taken none since."""
        with self._lock:
            return [run_id for run_id, page in self._pages.items() if page.is_refused]

    def entries(self, run_id: str) -> list[Entry]:
        """All that was said of a run."""
        with self._lock:
            return list(read(self._pages[run_id].spool.path))

    def taken(self, run_id: str) -> None:
        """MLflow has taken all entries of a run that it had refused."""
        with self._lock:
            self._pages[run_id].is_refused = False
            self._pages[run_id].spool.take_back()

    def close(self, delivered: bool) -> None:
        """Let go of all logs; they stay, except those of guests if all is delivered."""
        with self._lock:
            for page in self._pages.values():
                if page.guest and delivered and not page.is_refused:
                    page.spool.remove()
                else:
                    page.spool.close()
            self._pages.clear()

    def _concerns(self, opened: Entry, tags: Mapping[str, str]) -> bool:
        theirs = opened.body["tags"]
        is_here = all(opened.body.get(key) == here for key, here in self._place.items())
        return is_here and (not theirs or tags.items() <= theirs.items())

    def _turn_to(self, spool: Spool, entries: Sequence[Entry]) -> None:
        is_refused = spool.path.suffix == REFUSED
        page = _Page(spool, entries[0], adopted=True, is_refused=is_refused)
        for entry in entries:
            page.take(entry)
        with self._lock:
            self._pages[spool.run_id] = page

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.folder} cannot be written ({error.strerror}).\n"
            f"{remedy(error)}; the same command goes on from here."
        )


def _pending(page: _Page) -> Pending:
    opened = page.opened.body
    outcome = page.finished.body["outcome"] if page.finished else None
    return Pending(page.spool.run_id, opened["name"], opened["tags"], outcome)
