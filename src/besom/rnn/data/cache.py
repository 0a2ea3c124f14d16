"""Reviews on disk as plain arrays, read by memory map, written once, checked when opened.

A folder per source file, named by its digest::

    train-tokens.npy  train-offsets.npy  train-labels.npy      (and the same for test)
    manifest.json     format, and the size and CRC-32 of every file above
"""

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from besom.common.errors import DataError
from besom.common.files import make_private
from besom.rnn.data.corpus import Reviews

FORMAT = 1
"""Raise it when the meaning of the files changes; caches of another format are rebuilt."""

MANIFEST = "manifest.json"
SPLITS = ("train", "test")
NAMES = {f"{split}-{item.name}.npy" for split in SPLITS for item in fields(Reviews)}

Pair = tuple[Reviews, Reviews]


def open_or_build(folder: Path, build: Callable[[], Pair]) -> Pair:
    """Train and test reviews out of ``folder``, which is built first when absent or damaged.

    Raises:
        DataError: the folder cannot be written.
    """
    if not _intact(folder):
        try:
            _write(folder, build())
        except OSError as error:
            raise DataError(
                f"the data cache `{folder}` cannot be written: {error.strerror}; make room there, "
                "or name another folder with BESOM_CACHE"
            ) from error
    train, test = (_read(folder, split) for split in SPLITS)
    return train, test


def _intact(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT or manifest["files"].keys() != NAMES:
            return False
        return all(
            _fingerprint(folder / name) == known for name, known in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _fingerprint(path: Path) -> list[int]:
    """Size in bytes and CRC-32: it finds torn and damaged files, not forged ones."""
    size = path.stat().st_size
    return [size, zlib.crc32(np.memmap(path, mode="r").data) if size else 0]


def _write(folder: Path, pair: Pair) -> None:
    with _replacing(folder) as draft:
        for split, reviews in zip(SPLITS, pair, strict=True):
            for item in fields(Reviews):
                np.save(draft / f"{split}-{item.name}.npy", getattr(reviews, item.name))
        fingerprints = {path.name: _fingerprint(path) for path in sorted(draft.iterdir())}
        (draft / MANIFEST).write_text(json.dumps({"format": FORMAT, "files": fingerprints}))


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A draft that takes the folder's place at the end, whole or not at all.

    A process that has the old files mapped keeps them. When two processes build at once, one wins.
    """
    make_private(folder.parent)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        _swap(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _swap(draft: Path, folder: Path) -> None:
    if folder.exists() and not _intact(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        os.rename(draft, folder)
    except OSError:
        if not _intact(folder):
            raise


def _read(folder: Path, split: str) -> Reviews:
    return Reviews(**{item.name: _mapped(folder, split, item.name) for item in fields(Reviews)})


def _mapped(folder: Path, split: str, name: str) -> NDArray[Any]:
    """A view of the map as a plain array: slicing a ``memmap`` costs ten times as much."""
    return np.asarray(np.load(folder / f"{split}-{name}.npy", mmap_mode="r"))
