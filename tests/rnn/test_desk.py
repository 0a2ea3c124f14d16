"""Folders that go with their processes."""

import subprocess
import sys
from pathlib import Path

from besom.rnn.desk import Desk

DIES_AT_ITS_DESK = """
import os, signal, sys
from pathlib import Path
from besom.rnn.desk import Desk
desk = Desk(Path(sys.argv[1]))
(desk.path / "work").touch()
os.kill(os.getpid(), signal.SIGKILL)
"""


def desks(folder: Path) -> set[Path]:
    return set(folder.glob(".desk-*"))


def test_a_dead_process_desk_is_removed_and_a_living_ones_stays(tmp_path: Path) -> None:
    mine = Desk(tmp_path)
    subprocess.run([sys.executable, "-c", DIES_AT_ITS_DESK, str(tmp_path)])
    [deserted] = desks(tmp_path) - {mine.path}
    assert (deserted / "work").is_file()
    other = Desk(tmp_path)
    assert desks(tmp_path) == {mine.path, other.path}


def test_what_is_placed_is_whole_and_what_is_cleared_is_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.place(b"kept", tmp_path / "kept")
    desk.place(b"here", desk.path / "here")
    assert (desk.path / "here").read_bytes() == b"here"
    desk.clear()
    assert not (desk.path / "here").exists()
    assert (tmp_path / "kept").read_bytes() == b"kept"
    Desk(tmp_path)
    assert desk.path.is_dir(), "its lock was lost"
