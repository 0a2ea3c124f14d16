"""A full disk ends a sweep with a plain message; once there is space, nothing is lost."""

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.harness import Sizes, Victim

pytestmark = pytest.mark.slow

SIZES = Sizes(workers=2, trials=6)
MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield the folder of a file system of 16 MiB; skip the test where mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def is_whole(database: Path) -> bool:
    if not database.exists():
        return True
    connection = sqlite3.connect(database)
    try:
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()


@pytest.mark.parametrize("left", [0, 2 * MEGABYTE])
def test_a_sweep_goes_on_when_there_is_room_again(small_disk: Path, left: int) -> None:
    """The less space is left, the earlier the sweep stops."""
    victim = Victim(small_disk, SIZES, log=small_disk.parent / "output.log")
    free = shutil.disk_usage(small_disk).free
    with (small_disk / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, free - left or 1)
    sweep = victim.start()
    sweep.wait(timeout=120)
    said = victim.output()
    assert is_whole(victim.root / "optuna.db") and is_whole(victim.root / "mlflow.db")
    if sweep.returncode:
        assert "Traceback" not in said, said
    (small_disk / "ballast").unlink()
    victim.finish()
    assert victim.examine().faults == []


def test_a_limit_to_the_size_of_files_is_no_fault_of_a_trial(tmp_path: Path) -> None:
    victim = Victim(tmp_path, SIZES)
    sweep = victim.start()
    resource.prlimit(sweep.pid, resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    sweep.wait(timeout=120)
    assert sweep.returncode == 2, victim.output()
    assert "Traceback" not in victim.output()
    victim.finish()
    assert victim.examine().faults == []
