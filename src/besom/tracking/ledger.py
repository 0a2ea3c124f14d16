"""The logs of all runs that this process answers for: its own, and those that dead ones left."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from besom.errors import StoreError
from besom.tracking.spool import Entry, Spool, read, spools


@dataclass(frozen=True)
class Pending:
    """A run that its process left open: not finished (``outcome`` is None), or not confirmed."""

    run_id: str
    name: str
    tags: Mapping[str, str]
    status: str | None
    outcome: Mapping[str, Any] | None


@dataclass
class _Page:
    """One run: its log, and what the log says about its beginning and end."""

    spool: Spool
    opened: Entry
    finished: Entry | None = None
    adopted: bool = False
    guest: bool = field(init=False)

    def __post_init__(self) -> None:
        # Nobody has to close a run that was only added to: it was closed before, or will be.
        self.guest = not self.opened.body["tags"]


class Ledger:
    """Opens, adopts and removes logs in one folder, for one store (``address``).

    Logs of other stores are let alone: their runs are unknown here.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self._address = address
        self._pages: dict[str, _Page] = {}
        self._lock = threading.RLock()

    def open(self, run_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Begin the log of a run of this process."""
        opened = Entry("opened", {"name": name, "tags": dict(tags), "store": self._address})
        try:
            spool = Spool.create(self.folder, run_id)
            spool.append(opened)
        except OSError as error:
            raise self._unwritable(error) from error
        with self._lock:
            self._pages[run_id] = _Page(spool, opened)

    def __contains__(self, run_id: str) -> bool:
        with self._lock:
            return run_id in self._pages

    def append(self, run_id: str, entry: Entry, sync: bool = False) -> None:
        """Add an entry to a run's log; runs that were not opened here become guests."""
        with self._lock:
            if run_id not in self._pages:
                self.open(run_id, name="", tags={})
            page = self._pages[run_id]
            if entry.kind == "finished":
                page.finished = entry
            try:
                page.spool.append(entry)
                if sync:
                    page.spool.sync()
            except OSError as error:
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

    def adopt(self, tags: Mapping[str, str]) -> dict[str, Sequence[Entry]]:
        """Take over what dead processes left of runs with these tags; their entries by run."""
        adopted: dict[str, Sequence[Entry]] = {}
        for path in spools(self.folder):
            opened = next(read(path), None)
            if opened is None or not self._concerns(opened, tags):
                continue
            if path.stem not in self._pages and (spool := Spool.adopt(path)):
                adopted[path.stem] = list(read(path))
                self._turn_to(spool, adopted[path.stem])
        return adopted

    def pending(self, tags: Mapping[str, str]) -> list[Pending]:
        """The adopted runs with these tags that nobody has closed yet."""
        with self._lock:
            pages = [page for page in self._pages.values() if page.adopted and not page.guest]
        return [
            _pending(page) for page in pages if tags.items() <= page.opened.body["tags"].items()
        ]

    def remove(self, run_id: str) -> None:
        """All of a closed run has been delivered."""
        with self._lock:
            if page := self._pages.pop(run_id, None):
                page.spool.remove()

    def set_aside(self, run_id: str) -> Path | None:
        """Put a log out of the way that MLflow will never take; its new place, the first time."""
        with self._lock:
            return self._pages[run_id].spool.set_aside()

    def close(self, delivered: bool) -> None:
        """Let go of all logs; they stay, except those of guests if all is delivered."""
        with self._lock:
            for page in self._pages.values():
                if page.guest and delivered:
                    page.spool.remove()
                else:
                    page.spool.close()
            self._pages.clear()

    def _concerns(self, opened: Entry, tags: Mapping[str, str]) -> bool:
        theirs = opened.body["tags"]
        is_here = opened.body["store"] == self._address
        return is_here and (not theirs or tags.items() <= theirs.items())

    def _turn_to(self, spool: Spool, entries: Sequence[Entry]) -> None:
        finished = [entry for entry in entries if entry.kind == "finished"]
        page = _Page(spool, entries[0], finished[-1] if finished else None, adopted=True)
        # A run that was confirmed wants nothing of anybody: delivering it closes it.
        page.guest = page.guest or any(entry.kind == "closed" for entry in entries)
        with self._lock:
            self._pages[spool.run_id] = page

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.folder} cannot be written ({error.strerror}).\n"
            "Make room or mend its permissions; the same command goes on from here."
        )


def _pending(page: _Page) -> Pending:
    opened, last = page.opened.body, page.finished.body if page.finished else {}
    return Pending(
        run_id=page.spool.run_id,
        name=opened["name"],
        tags=opened["tags"],
        status=last.get("status"),
        outcome=last.get("outcome"),
    )
