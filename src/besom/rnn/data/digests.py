"""What names a file's content, without reading a large file a second time."""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from besom.common.files import make_private, replace_text

SETTLED = 2.0
"""Seconds since a file's last change before its digest is kept: a later change within one tick of
the file system's clock would not be seen."""


def known_digest(file: Path, folder: Path) -> str:
    """The SHA-256 of a file's content, out of ``folder`` where that file has not changed since.

    Size, inode and the times of the last change to content and inode say whether it has. The last
    is the system's own: no program sets it back.

    Raises:
        OSError: the file cannot be read.
    """
    found = file.stat()
    facts = [str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    kept = folder / hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    with suppress(OSError, UnicodeDecodeError):
        digest = kept.read_text(encoding="ascii")
        if len(digest) == 64:
            return digest
    is_settled = time.time() - max(found.st_mtime, found.st_ctime) > SETTLED
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
