"""Transfers files between a node and the supervisor, in pieces of bounded size."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from besom.common.files import make_private
from besom.workers.ray.protocol import Piece, Removed

PIECE = 8 << 20
"""Most bytes of a piece."""

PAUSE = 10.0
"""Least seconds between looks for changes; the pause is also at least ten times the look's time."""

HYDRA = ".hydra"


Stamps = dict[Path, tuple[int, int, int]]
"""By file its time, size and inode, which tell whether it was written again."""


def stamp(file: Path | int) -> tuple[int, int, int]:
    """Return the stamp of a file, which may be given as a descriptor."""
    status = os.stat(file)
    return status.st_mtime_ns, status.st_size, status.st_ino


def pieces(file: Path, name: str, only_whole: bool = False) -> Iterator[Piece]:
    """Yield a file's content: the old one if it is replaced meanwhile, nothing if it is gone.

    Args:
        only_whole: the receiver is to drop the file if it is written to meanwhile.
    """
    try:
        opened = file.open("rb")
    except OSError as error:
        print(f"{file} is not sent: {error}", flush=True)
        return
    with opened:
        before = stamp(opened.fileno())
        is_first, content = True, opened.read(PIECE)
        while True:
            following = opened.read(PIECE)
            is_torn = only_whole and not following and stamp(opened.fileno()) != before
            yield Piece(name, content, is_first, not following, is_torn)
            if not following:
                return
            is_first, content = False, following


class Assembly:
    """Makes files below ``root`` from pieces. Each appears as a whole, or not at all.

    Until then it is a draft, whose name begins with a dot.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened: dict[str, BinaryIO] = {}

    def add(self, piece: Piece) -> Path | None:
        """Write a piece; return the file if this was its last piece and the file is whole."""
        file = self._root / piece.name
        draft = file.with_name(f".{file.name}.part")
        if piece.is_first:
            make_private(file.parent)
            self._opened[piece.name] = draft.open("wb")
        self._opened[piece.name].write(piece.content)
        if not piece.is_last:
            return None
        self._opened.pop(piece.name).close()
        if piece.is_torn:
            draft.unlink()
            return None
        draft.replace(file)
        return file

    def drop(self) -> None:
        """Remove the drafts: their other pieces will not come."""
        for draft in self._opened.values():
            with suppress(OSError):  # what is still to be written finds a full disk
                draft.close()
            with suppress(OSError):
                Path(draft.name).unlink()
        self._opened.clear()

    def remove(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)


class JobFiles:
    """The files of one job on its node, and which of them the supervisor lacks.

    Args:
        root: the folder of all jobs; names are relative to it.
        folder: the job's own.
        known: files that have come from the supervisor.
    """

    def __init__(self, root: Path, folder: Path, known: Stamps) -> None:
        self._root = root
        self._folder = folder
        self._sent = {file: seen for file, seen in known.items() if file.is_relative_to(folder)}
        self._next_look = time.monotonic() + PAUSE

    def changed_lately(self) -> Iterator[Piece | Removed]:
        """Yield all changes, unless the last look was a short time ago."""
        started = time.monotonic()
        if started >= self._next_look:
            yield from self.changed()
            ended = time.monotonic()
            self._next_look = ended + max(PAUSE, 10 * (ended - started))

    def changed(self) -> Iterator[Piece | Removed]:
        """Yield the files that are new or changed, and the names of those that are gone."""
        for file in sorted(kept(self._folder)):
            yield from self.send(file, only_whole=True)
        for file in [file for file in self._sent if not file.exists()]:
            del self._sent[file]
            yield Removed(self._name(file))

    def send(self, file: Path, only_whole: bool = False) -> Iterator[Piece]:
        """Yield a file of the job's folder, unless it was sent as it is; see :func:`pieces`."""
        try:
            now = stamp(file)
        except OSError:  # gone while it was looked at
            return
        if self._sent.get(file) != now:
            self._sent[file] = now
            yield from pieces(file, self._name(file), only_whole)

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._root))


def kept(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, except drafts, whose names begin with a dot."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name == HYDRA or not name.startswith(".")]
        for name in names:
            file = Path(where, name)
            if not name.startswith(".") and file.is_file():
                yield file
