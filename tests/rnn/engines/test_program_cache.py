"""The folder of compiled programs, with made-up ones: XLA's part is in test_compiled."""

import os
from pathlib import Path

import pytest

from besom.rnn.engines.program_cache import ProgramCache


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_least_recently_used_make_room_and_nothing_but_programs_goes(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    assert ProgramCache(folder, "here").folder == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "folder").mkdir()
    for name, written, read in (("a", 1, 1), ("b", 2, 2), ("c", 1, 3), ("d", 4, 1)):
        (folder / name).write_bytes(bytes(10))
        os.utime(folder / name, (read, written))
    ProgramCache(folder, "here", limit=25)
    assert entries(folder) == ["c", "d", "folder"]


def test_a_platform_finds_and_removes_its_own_programs_only(tmp_path: Path) -> None:
    cache, other = ProgramCache(tmp_path, "1 thread"), ProgramCache(tmp_path, "2 threads")
    for each in (cache, other):
        prefix = each.flags.rpartition("=")[2]
        (tmp_path / f"{prefix}__1__2__XLA_CPU_JIT.pb").touch()
    assert len(entries(tmp_path)) == 2
    cache.clear()
    [left] = entries(tmp_path)
    assert left.startswith(other.flags.rpartition("=")[2])


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    """XLA would fail with every program."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        ProgramCache(tmp_path / "file", "here")
