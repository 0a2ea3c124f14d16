"""SQLite's write-ahead log, for databases on this machine's own disks.

With it a commit waits for the disk once instead of four times and costs less than half of the
processor's time, and who reads does not keep the writer waiting. Other machines cannot share it,
so a database on a network's file system keeps SQLite's own journal.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
LOCAL = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})

BUSY_SECONDS = 2.0


def write_ahead(path: Path) -> None:
    """Give the database at ``path`` a write-ahead log, which it keeps from then on.

    Nothing is done where the disk is not known to be local, or while others use the database.
    """
    if not _is_local(path.resolve()):
        return
    with (
        suppress(sqlite3.DatabaseError),
        closing(sqlite3.connect(path, BUSY_SECONDS)) as database,
    ):
        database.execute("PRAGMA journal_mode = WAL")


def _is_local(path: Path) -> bool:
    """Whether the system says that the file system at ``path`` is one of ``LOCAL``."""
    try:
        lines = MOUNTS.read_text().splitlines()
    except OSError:  # not Linux
        return False
    mounts = [_mount(line) for line in lines]
    held = [(point, kind) for point, kind in mounts if path.is_relative_to(point)]
    # Of several that hold the path, the longest counts, and of equal ones the last mounted.
    return max(reversed(held), key=lambda mount: len(mount[0].parts))[1] in LOCAL if held else False


def _mount(line: str) -> tuple[Path, str]:
    """Mount point and kind of file system, from a line such as ``36 35 8:1 / /mnt rw - ext4 …``."""
    before, _, after = line.partition(" - ")
    return Path(before.split()[4].replace("\\040", " ")), after.split()[0]
