"""Digests of files' contents, kept so that a large file is read once."""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from besom.common.files import make_private, replace_text

SETTLED = 2.0
"""Seconds since a file's last change before its digest is kept: a later change within one tick of
the file system's clock would not be seen."""


Stamp = tuple[str, int, int, int, int]


def stamp_of(file: Path) -> Stamp:
    """What says whether a file has changed: its path, its size, the times of the last change to
    its content and to its inode, in nanoseconds, and that inode.

    The time of the inode is the system's own: no program sets it back.

    Raises:
        OSError: it is not there.
    """
    found = file.stat()
    return str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def known_digest(file: Path, folder: Path) -> str:
    """The SHA-256 of a file's content, out of ``folder`` where that file has not changed since.

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
        with suppress(OSError):  # it is computed again the next time
            make_private(folder)
            replace_text(kept, digest)
    return digest


def content_digest(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
