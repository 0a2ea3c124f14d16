import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from besom import journal

LINE = "36 35 8:1 / {point} rw,relatime shared:1 - {kind} /dev/x rw\n"


def mounts(folder: Path, monkeypatch: pytest.MonkeyPatch, *mounted: tuple[Path, str]) -> None:
    """Let the system say that these are mounted, in this order."""
    table = folder / "mountinfo"
    lines = (LINE.format(point=str(p).replace(" ", "\\040"), kind=kind) for p, kind in mounted)
    table.write_text("".join(lines))
    monkeypatch.setattr(journal, "MOUNTS", table)


def mode_after(path: Path) -> str:
    journal.write_ahead(path)
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_local_database_gets_a_write_ahead_log_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts(tmp_path, monkeypatch, (Path("/"), "nfs4"), (tmp_path.resolve(), "ext4"))
    assert mode_after(tmp_path / "a.db") == "wal"
    assert not list(tmp_path.glob("a.db-*"))  # nothing is left beside it once it is closed


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "lustre"])
def test_a_network_keeps_sqlites_own_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    local, network = (tmp_path.resolve(), "ext4"), (folder.resolve(), kind)
    mounts(tmp_path, monkeypatch, local, (folder.resolve(), "tmpfs"), network)
    assert mode_after(folder / "a.db") == "delete"


def test_where_nothing_is_known_of_disks_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOUNTS", tmp_path / "absent")
    assert mode_after(tmp_path / "a.db") == "delete"


def test_a_database_in_use_is_let_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts(tmp_path, monkeypatch, (Path("/"), "ext4"))
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(journal, "BUSY_SECONDS", 0.1)
        journal.write_ahead(tmp_path / "a.db")
        other.execute("COMMIT")
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
