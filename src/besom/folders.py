"""Folders and files of one owner, at their own place and not where a link leads to.

What Besom writes may hold secrets, and a record may have been unpacked from another user's
archive: a link in it must not have us write, or delete, elsewhere.
"""

import errno
import os
import stat
import tempfile
from pathlib import Path

from besom.errors import StoreError

LONGEST_NAME = 255
"""Bytes of a file's name, as file systems have it."""


def check_working_folder() -> None:
    """Find that the working folder is there, and that what is written below it can name it.

    Raises:
        StoreError: databases, addresses and configurations hold text in UTF-8 alone.
    """
    try:
        here = os.getcwd()
    except FileNotFoundError:
        raise StoreError("the working folder is gone; change into another") from None
    if here.encode("utf-8", "ignore").decode() != here:
        raise StoreError(f"the working folder {here} has a name that is no UTF-8; rename it")


def make_private(folder: Path, below: Path | None = None) -> None:
    """Make a folder, and what is missing above it, for this user alone; what is there stays.

    Args:
        below: from here on down, links are refused. This folder itself may be one.

    Raises:
        StoreError: a folder below ``below`` is a link.
        OSError: it cannot be made.
    """
    if below is not None:
        refuse_links(folder, below)
    missing = []
    for place in (folder, *folder.parents):
        if place.exists():
            break
        missing.append(place)
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def refuse_links(path: Path, below: Path) -> None:
    """Find that nothing between ``below``, which may be a link, and ``path`` is one.

    A path that is not below ``below`` is let alone.

    Raises:
        StoreError: something is.
    """
    path, below = path.absolute(), below.absolute()
    for place in (path, *path.parents):
        if place == below:
            return
        if below in place.parents and place.is_symlink():
            raise link_refused(place)


def remove_links(folder: Path) -> None:
    """Remove the links that lie in a folder, not what they lead to; what is to be written there is
    a file of its own then."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_symlink():
            path.unlink()


def not_through_links(path: str, flags: int) -> int:
    """An opener for :func:`open`: for this user alone, and refused where ``path`` is a link.

    Raises:
        StoreError: it is a link.
    """
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise link_refused(Path(path)) from None


def check_kept(path: Path) -> None:
    """Find that a path is a file that can be read, or a folder of such.

    Links to files are files; links to folders inside of a folder are let alone, as MLflow does.

    Raises:
        ValueError: it is neither, or a folder that holds what is neither.
        OSError: something is not there, or cannot be read.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise ValueError(
            f"{path} cannot be kept with the run: only regular files, and folders of these, can"
        )
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    for entry in path.iterdir() if kind == stat.S_IFDIR else ():
        if not (entry.is_symlink() and entry.is_dir()):
            check_kept(entry)


def replace_text(path: Path, text: str) -> None:
    """Write a file anew, whole or not at all, for this user alone."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def remedy(error: OSError) -> str:
    """What helps where a folder cannot be written."""
    for_room = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "Make room" if for_room else "Mend its permissions"


def link_refused(path: Path) -> StoreError:
    """The complaint about a link where Besom writes."""
    return StoreError(
        f"{path} is a link, and what Besom writes there would land elsewhere.\n"
        "Remove it; where there is no room, move the whole folder (tracking.root, BESOM_CACHE)."
    )
