"""Tests that records and studies of earlier versions of Besom are read and resumed.

An archive has a sweep of its ``app.py``: a baseline outside the space, three values, a repeat.
"""

import tarfile
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.sweep.apps import audit, run

RECORDS = sorted((Path(__file__).parents[1] / "records").glob("*.tar.xz"))
OPTIONS = {"objective": "loss", "study_name": "before", "n_jobs": "1"}
SAMPLER = ("hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=1")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name.partition(".")[0])
def test_it_is_read_and_gone_on_with(record: Path, besom: Command, tmp_path: Path) -> None:
    with tarfile.open(record) as archive:
        archive.extractall(tmp_path, filter="data")
    before = besom("compare", "before", "--csv").out.splitlines()
    options = [f"hydra.sweeper.{key}={value}" for key, value in OPTIONS.items()]
    words = (*SAMPLER, *options, "x=range(0,3)", "hydra.sweeper.n_trials=6")
    ended = run(str(tmp_path / "app"), *words, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "[6/6]" in ended.stdout and "Best: trial 3, loss 0" in ended.stdout
    done = audit(tmp_path / "mlruns", "before")
    assert [trial.value for trial in done.trials] == [9, 1, 4, 0, 0, 4]
    after = besom("compare", "before", "--csv").out.splitlines()
    assert len(before) == 1 + 5 and set(before) < set(after) and len(after) == 1 + 6
    assert besom("report", "before").code == 0
