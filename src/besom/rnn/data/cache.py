"""Caches reviews on disk as plain arrays: written once, memory-mapped, checked when opened.

Each source file has a folder, named by a digest of the file and of what else the tokens depend on::

    train-tokens.npy  train-offsets.npy  train-labels.npy      (and the same for test)
    words.json, …     other files of a data set
    manifest.json     format, and the size and CRC-32 of every file above
"""

import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from besom.common.errors import DataError
from besom.common.files import make_private
from besom.rnn.data.corpus import Reviews

FORMAT = 1
"""To be raised when the meaning of the files changes; caches of another format are rebuilt."""

MANIFEST = "manifest.json"
SPLITS = ("train", "test")
NAMES = {f"{split}-{item.name}.npy" for split in SPLITS for item in fields(Reviews)}

READ_AT_ONCE = 1 << 20
"""The bytes read at a time."""
ABANDONED = 24 * 3600.0
"""Seconds since a draft's last file was created, after which the draft is removed."""
IN_USE = 24 * 3600.0
"""Seconds since a folder was last opened, during which a process may still use it."""
LIMIT = 10 << 30
"""The most bytes of all folders beside one another; checked when one is written."""

Names = AbstractSet[str]
Pair = tuple[Reviews, Reviews]


def open_or_build(folder: Path, build: Callable[[], Pair]) -> Pair:
    """Return train and test reviews of ``folder``, which is built first when absent or damaged.

    Raises:
        DataError: the folder cannot be written.
    """
    open_or_write(folder, lambda draft: _save(draft, build()))
    return read(folder)


def open_or_write(folder: Path, write: Callable[[Path], None], names: Names = NAMES) -> None:
    """Check that ``folder`` is intact, or have ``write`` fill it anew when it is absent or damaged.

    After a folder is written, and where all folders beside it take more than ``LIMIT``, the least
    recently opened ones are removed.

    Args:
        write: fills the draft of a folder.
        names: the names of all its files but the manifest, those of the reviews included.

    Raises:
        DataError: the folder cannot be written.
    """
    if not _intact(folder, names):
        try:
            with _replacing(folder, names) as draft:
                write(draft)
                _seal(draft)
            _make_room(folder.parent)
        except OSError as error:
            raise DataError(
                f"the data cache `{folder}` cannot be written: {error.strerror}; make room there, "
                "or name another folder with BESOM_CACHE"
            ) from error
    with suppress(OSError):  # the age of a read-only cache counts from when it was written
        os.utime(folder)


def read(folder: Path) -> Pair:
    """Return train and test reviews of an intact folder, mapped into memory."""
    train, test = (_read(folder, split) for split in SPLITS)
    return train, test


def _intact(folder: Path, names: Names) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT or manifest["files"].keys() != names:
            return False
        return all(
            _fingerprint(folder / name) == known for name, known in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _fingerprint(path: Path) -> list[int]:
    """Return size in bytes and CRC-32, which show torn and damaged files, but not forged ones."""
    size = crc = 0
    with path.open("rb") as file:
        while part := file.read(READ_AT_ONCE):
            size, crc = size + len(part), zlib.crc32(part, crc)
    return [size, crc]


def _save(draft: Path, pair: Pair) -> None:
    for split, reviews in zip(SPLITS, pair, strict=True):
        for item in fields(Reviews):
            np.save(draft / f"{split}-{item.name}.npy", getattr(reviews, item.name))


def _seal(draft: Path) -> None:
    """Write the manifest of a draft's files."""
    fingerprints = {path.name: _fingerprint(path) for path in sorted(draft.iterdir())}
    (draft / MANIFEST).write_text(json.dumps({"format": FORMAT, "files": fingerprints}))


@contextmanager
def _replacing(folder: Path, names: Names) -> Iterator[Path]:
    """Yield a draft that replaces the folder at the end, as a whole or not at all.

    A process that has mapped the old files keeps them. When two processes build at once, one wins.
    """
    make_private(folder.parent)
    _drop_abandoned(folder.parent)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        _swap(draft, folder, names)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _drop_abandoned(parent: Path) -> None:
    """Remove drafts of killed processes. They are older than the longest build."""
    for draft in parent.glob(".*-*"):
        with suppress(OSError):  # another process has removed it
            if time.time() - draft.stat().st_mtime > ABANDONED:
                shutil.rmtree(draft, ignore_errors=True)


def _make_room(parent: Path) -> None:
    """Remove the folders beyond the limit that are not in use."""
    kept = 0
    for opened, size, folder in sorted(_folders(parent), reverse=True):
        kept += size
        if kept > LIMIT and time.time() - opened > IN_USE:
            shutil.rmtree(folder, ignore_errors=True)


def _folders(parent: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield for each folder when it was last opened, its size in bytes, and its path."""
    for manifest in parent.glob(f"*/{MANIFEST}"):
        with suppress(OSError):  # another process has removed it
            size = sum(file.stat().st_size for file in manifest.parent.iterdir())
            yield manifest.parent.stat().st_mtime, size, manifest.parent


def _swap(draft: Path, folder: Path, names: Names) -> None:
    if folder.exists() and not _intact(folder, names):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        os.rename(draft, folder)
    except OSError:
        if not _intact(folder, names):
            raise


def _read(folder: Path, split: str) -> Reviews:
    return Reviews(**{item.name: _mapped(folder, split, item.name) for item in fields(Reviews)})


def _mapped(folder: Path, split: str, name: str) -> NDArray[Any]:
    """Return the mapped file as a plain array: slicing a ``memmap`` costs ten times as much."""
    return np.asarray(np.load(folder / f"{split}-{name}.npy", mmap_mode="r"))
