"""Transfers files between a node and the supervisor, in pieces of bounded size."""

import os
import time
from collections.abc import Iterator
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


def stamp(file: Path) -> tuple[int, int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def pieces(file: Path, name: str) -> Iterator[Piece]:
    """Yield a file's content: the old one if it is replaced meanwhile, nothing if it is gone."""
    try:
        opened = file.open("rb")
    except OSError as error:
        print(f"{file} is not sent: {error}", flush=True)
        return
    with opened:
        is_first, content = True, opened.read(PIECE)
        while True:
            following = opened.read(PIECE)
            yield Piece(name, content, is_first, is_last=not following)
            if not following:
                return
            is_first, content = False, following


class Assembly:
    """Makes files below ``root`` from pieces. Each appears as a whole, or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened: dict[str, BinaryIO] = {}

    def add(self, piece: Piece) -> Path | None:
        """Write a piece; return the file if this was its last piece."""
        file = self._root / piece.name
        draft = file.with_name(f".{file.name}.part")
        if piece.is_first:
            make_private(file.parent)
            self._opened[piece.name] = draft.open("wb")
        self._opened[piece.name].write(piece.content)
        if not piece.is_last:
            return None
        self._opened.pop(piece.name).close()
        draft.replace(file)
        return file

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
            yield from self.send(file)
        for file in [file for file in self._sent if not file.exists()]:
            del self._sent[file]
            yield Removed(self._name(file))

    def send(self, file: Path) -> Iterator[Piece]:
        """Yield a file of the job's folder, unless it was sent as it is."""
        try:
            now = stamp(file)
        except OSError:  # gone while it was looked at
            return
        if self._sent.get(file) != now:
            self._sent[file] = now
            yield from pieces(file, self._name(file))

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
