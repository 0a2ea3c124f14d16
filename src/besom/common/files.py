"""Creates folders and files that only their owner can read: they may hold secrets."""

import errno
import os
import stat
import sys
import tempfile
from pathlib import Path

from besom.common.errors import StoreError


def check_working_folder() -> None:
    """Check that the working folder exists and that its path is valid UTF-8.

    Raises:
        StoreError: it does not, or is not: databases, addresses and configurations hold only UTF-8.
    """
    try:
        here = os.getcwd()
    except FileNotFoundError:
        raise StoreError("the working folder is gone; change into another") from None
    if here.encode("utf-8", "ignore").decode() != here:
        raise StoreError(f"the working folder {here} has a name that is no UTF-8; rename it")


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents for this user alone; leave existing ones unchanged.

    Raises:
        OSError: it cannot be made.
    """
    missing = []
    for place in (folder, *folder.parents):
        if place.exists():
            break
        missing.append(place)
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def make_writable(folder: Path, option: str) -> None:
    """Make a folder for this user alone, and check that it can be written.

    Raises:
        StoreError: it cannot be made or written; the message names ``option``.
    """
    try:
        make_private(folder)
    except OSError as error:
        raise StoreError(f"{option}={folder} cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"{option}={folder} cannot be written; give another folder.")


def private(path: str, flags: int) -> int:
    """Open a file as an opener for :func:`open`; a new file is for this user alone."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def check_kept(path: Path) -> None:
    """Check that a path is a readable regular file, or a folder that holds only such files.

    Links to files count as files. Links to folders inside a folder are skipped, as MLflow does.

    Raises:
        ValueError: it is neither a regular file nor a folder, or holds something that is neither.
        OSError: something does not exist or cannot be read.
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
    """Replace a file's content, completely or not at all; the file is for this user alone."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def remedy(error: OSError) -> str:
    """Return the remedy for an error in writing to a folder."""
    for_room = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "Free some space" if for_room else "Mend its permissions"


def cache_folder() -> Path:
    """Return the folder for files that Besom can make again.

    It is BESOM_CACHE, or ``besom`` in the platform's folder for a user's caches.
    """
    if chosen := os.environ.get("BESOM_CACHE"):
        return Path(os.path.expanduser(chosen)).absolute()
    return _platform_folder() / "besom"


def _platform_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    return Path(os.environ.get(variable) or Path.home() / ".cache")
