"""The verdict's false positives, in sweeps in which all configurations are equally good."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from besom.common.states import State
from besom.search.options import ConfirmOptions
from besom.tracking.record import connect
from besom.workers.messages import Assignment, FromWorker, Outcome
from tests.sweep.conftest import Bench

pytestmark = pytest.mark.slow

N_STUDIES = 200


def test_luck_beats_the_baseline_in_at_most_one_study_of_twenty(
    empty_database: Path, tmp_path: Path
) -> None:
    """All configurations have the same distribution of results. The best three of twelve trials,
    which were lucky, are trained again on five seeds."""
    sentences = []
    for number in range(N_STUDIES):
        root = tmp_path / str(number)
        root.mkdir()
        shutil.copy(empty_database, root / "mlflow.db")
        sentences.append(_sentence(root, number))
    assert sum("beats the baseline" in sentence for sentence in sentences) <= N_STUDIES // 20
    assert sum("within noise" in sentence for sentence in sentences) >= N_STUDIES * 9 // 10


def _sentence(root: Path, number: int) -> str:
    """Return the verdict of one study, in which each result is random."""

    def lucky(assignment: Assignment) -> Iterator[FromWorker]:
        [*_, last] = assignment.overrides
        noise = random.Random(f"{number} {assignment.trial} {last}").gauss(0.8, 0.016)
        yield Outcome(State.COMPLETE, {"loss": noise}, 0.1)

    confirm = ConfirmOptions(top_k=3, seeds=5)
    with connect(root, None, "besom") as record:
        driver, _, _ = Bench(root, record).driver(lucky, n_trials=12, confirm=confirm)
        driver.run()
        return driver.confirm()
