"""Computes digests of files' contents, and keeps them so that a large file is read once."""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from besom.common.files import make_private, replace_text

SETTLED = 2.0
"""Seconds that must pass since a file's last change before its digest is kept: another change
within one tick of the file system's clock would go unnoticed."""


Stamp = tuple[str, int, int, int, int]


def stamp_of(file: Path) -> Stamp:
    """Return what shows a change of a file: its path, its size, the times of the last change to its
    content and to its inode, in nanoseconds, and the inode's number.

    The system sets the inode's time: no program can set it back.

    Raises:
        OSError: the file does not exist.
    """
    found = file.stat()
    return str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def known_digest(file: Path, folder: Path) -> str:
    """Return the SHA-256 of a file's content, from ``folder`` if it is kept there and still valid.

    Raises:
        OSError: the file cannot be read.
    """
    stamp = stamp_of(file)
    kept = folder / hashlib.sha256(json.dumps(stamp).encode()).hexdigest()
    with suppress(OSError, UnicodeDecodeError):
        digest = kept.read_text(encoding="ascii")
        if len(digest) == 64:
            return digest
    _, _, *changes, _ = stamp
    is_settled = time.time() - max(changes) / 1e9 > SETTLED
    digest = content_digest(file)
    if is_settled:
        with suppress(OSError):  # the digest is computed again the next time
            make_private(folder)
            replace_text(kept, digest)
    return digest


def content_digest(file: Path) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
