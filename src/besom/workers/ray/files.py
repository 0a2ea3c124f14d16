"""Files on their way between a node and the supervisor, in pieces of bounded size."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from besom.common.files import make_private
from besom.workers.ray.protocol import Piece, Removed

PIECE = 8 << 20
"""Bytes."""

PAUSE = 10.0
"""Seconds at least from one look for changes to the next, and ten times as long as that took."""

HYDRA = ".hydra"


def pieces(file: Path, name: str) -> Iterator[Piece]:
    """A file's content; one that is replaced meanwhile is sent as it was."""
    with file.open("rb") as opened:
        is_first, content = True, opened.read(PIECE)
        while True:
            following = opened.read(PIECE)
            yield Piece(name, content, is_first, is_last=not following)
            if not following:
                return
            is_first, content = False, following


class Assembly:
    """Files below ``root``, made of pieces. Each appears as a whole, or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened: dict[str, BinaryIO] = {}

    def add(self, piece: Piece) -> None:
        file = self._root / piece.name
        draft = file.with_name(f".{file.name}.part")
        if piece.is_first:
            make_private(file.parent)
            self._opened[piece.name] = draft.open("wb")
        self._opened[piece.name].write(piece.content)
        if piece.is_last:
            self._opened.pop(piece.name).close()
            draft.replace(file)

    def remove(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)


class JobFiles:
    """The files of one job on its node: which of them the supervisor lacks.

    Args:
        root: the folder of all jobs; names are below it.
        folder: the job's own.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._sent: dict[Path, tuple[int, int, int]] = {}
        self._next_look = time.monotonic() + PAUSE

    def changed_lately(self) -> Iterator[Piece | Removed]:
        """All changes, unless the last look was a short time ago."""
        started = time.monotonic()
        if started >= self._next_look:
            yield from self.changed()
            ended = time.monotonic()
            self._next_look = ended + max(PAUSE, 10 * (ended - started))

    def changed(self) -> Iterator[Piece | Removed]:
        """What is new or other than before, and what is gone."""
        found = set(kept(self._folder))
        for file in sorted(found):
            yield from self.send(file)
        for file in self._sent.keys() - found:
            del self._sent[file]
            yield Removed(self._name(file))

    def send(self, file: Path) -> Iterator[Piece]:
        """A file of the job's folder, unless it was sent as it is."""
        try:
            status = file.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
            if self._sent.get(file) == stamp:
                return
            self._sent[file] = stamp
            yield from pieces(file, self._name(file))
        except FileNotFoundError:  # gone while it was looked at
            self._sent.pop(file, None)

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._root))


def kept(folder: Path) -> Iterator[Path]:
    """Files below a folder; not drafts, whose names begin with a dot."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name == HYDRA or not name.startswith(".")]
        for name in names:
            file = Path(where, name)
            if not name.startswith(".") and file.is_file():
                yield file
