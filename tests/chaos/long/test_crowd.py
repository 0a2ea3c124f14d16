"""Eight sweeps that start at the same moment in an empty folder, five times."""

import re
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.crowd import context, start_at_once

pytestmark = pytest.mark.slow

ROUNDS = 5
CROWD = 8


def counted(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as opened:
        return opened.execute(query).fetchall()


def test_eight_studies_may_start_at_once_below_a_new_root(tmp_path: Path) -> None:
    forks = context()
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        ended = start_at_once(forks, folder, [f"study-{place}" for place in range(CROWD)])
        assert [start.code for start in ended] == [0] * CROWD, ended
        assert not any("Traceback" in start.said for start in ended), ended
        root = folder / "mlruns"
        assert counted(root / "optuna.db", "SELECT COUNT(*) FROM studies") == [(CROWD,)]
        runs = counted(root / "mlflow.db", "SELECT status, COUNT(*) FROM runs GROUP BY status")
        assert runs == [("FINISHED", CROWD)]
        assert not list((root / "spool").glob("*.jsonl"))


def test_of_eight_sweeps_of_one_study_one_wins_and_the_others_are_told_who(
    tmp_path: Path, empty_database: Path
) -> None:
    forks = context()
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        (folder / "mlruns").mkdir(parents=True)
        shutil.copy(empty_database, folder / "mlruns")  # else only the winner would create it
        ended = start_at_once(forks, folder, ["study"] * CROWD)
        winners = [start for start in ended if start.code == 0]
        refused = [start for start in ended if start.code == 2]
        assert (len(winners), len(refused)) == (1, CROWD - 1), ended
        who = f"by process {winners[0].process} on {re.escape(socket.gethostname())} since 20"
        assert all(re.search(who, start.said) for start in refused), ended
        runs = counted(folder / "mlruns" / "mlflow.db", "SELECT status FROM runs")
        assert runs == [("FINISHED",)]
