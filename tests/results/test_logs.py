"""Tests ``besom logs`` of trials that completed, failed, or lost their worker."""

import shutil
from pathlib import Path

import pytest

from besom.common.errors import StudyError
from besom.results.logs import read_logs
from besom.tracking import schema
from tests.conftest import Command
from tests.results.report.conftest import Book
from tests.sweep.apps import run

SWEEPER = (
    *("sampler.seed=0", "n_trials=5", "max_failure_rate=0.8"),
    *("confirm.top_k=1", "confirm.seeds=2"),
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run a sweep: the baseline, trials that fail, one whose worker dies once, one that repeats
    it. Return its folder and its output."""
    folder = tmp_path_factory.mktemp("talking")
    words = ["x=choice(1.5,-0.25)", "hydra/sweeper/sampler=random"]
    done = run("talking", *words, *(f"hydra.sweeper.{word}" for word in SWEEPER), folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def number_of(said: str, text: str) -> str:
    """Return the number of the trial whose first line has ``text``."""
    return next(line.split()[1] for line in said.splitlines() if text in line)


@pytest.fixture
def logs(swept: tuple[Path, str], besom: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(swept[0])
    return lambda *words: besom("logs", *words)


def test_of_a_trial_that_failed(logs: Command, swept: tuple[Path, str]) -> None:
    number = number_of(swept[1], "x=1.5")
    ended = logs("talking", number)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == f"trial {number}, attempt 1, failed: ValueError: x is above 1"
    assert "INFO] - x is 1.5" in ended.out
    assert "half\rwhole of 1.5, seed 1\n" in ended.out
    assert "==> traceback.txt in MLflow <==" in lines and lines[-1] == "ValueError: x is above 1"
    assert "0.5" not in ended.out.replace("1.5", "") and "the end" not in ended.out


def test_of_the_last_attempt(logs: Command, swept: tuple[Path, str]) -> None:
    number = number_of(swept[1], "x=-0.25")
    ended = logs("talking", number)
    assert ended.out.startswith(f"trial {number}, attempt 2, complete\n")
    assert ended.out.count("whole of -0.25") == 1 and "dying" not in ended.out


def test_what_a_task_prints_is_no_title(logs: Command) -> None:
    printed = [f"see trial {number}, attempt 1" for number in range(5)]
    shown = logs("talking", "0").out.splitlines()
    assert shown[-8:] == [*printed, "half", "whole of 0.5, seed 1", "the end"]


def test_of_one_that_was_not_trained(logs: Command, swept: tuple[Path, str]) -> None:
    number = number_of(swept[1], "same as trial")
    ended = logs("talking", number)
    assert ended.code == 2
    assert ended.err == (
        f"besom: trial {number} repeats the configuration of another and was not trained: "
        f"besom logs talking {number_of(swept[1], 'x=-0.25')}\n"
    )


def test_of_a_confirmation(logs: Command, swept: tuple[Path, str]) -> None:
    ended = logs("talking", "0", "--seed", "2")
    assert ended.out.startswith("trial 0, seed 2, attempt 1, complete\n")
    assert "seed 2\n" in ended.out and "seed 1" not in ended.out
    assert "seed 1\n" in logs("talking", "0").out


def test_a_sweep_names_them_once(swept: tuple[Path, str]) -> None:
    lines = swept[1].splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.startswith("what it printed")]
    assert lines[first].startswith("what it printed:  besom logs talking ")
    (worker,) = [line for line in lines if line.startswith("its worker:")]
    assert (swept[0] / worker.split()[-1]).is_file()
    assert "failed" in lines[first - 1] or "tried again" in lines[first - 1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("talking 7", "study talking has no trial 7; it has 0 to 4"),
        ("talking 0 --seed 9", "trial 0 of talking has no seed 9; there are 2, 3"),
        ("talkign 0", "did you mean `talking`?"),
        ("talking abc", "argument TRIAL: invalid int value: 'abc'"),
        ("talking", "the following arguments are required: TRIAL"),
        ("talking 0 --root nowhere", "nowhere holds no record"),
    ],
)
def test_a_mistake_is_one_line(words: str, said: str, logs: Command) -> None:
    ended = logs(*words.split())
    assert ended.code == 2 and said in ended.err and len(ended.err.splitlines()) == 1


def test_logs_of_another_machine(
    swept: tuple[Path, str], besom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(swept[0] / "mlruns", moved / "mlruns")
    (swept[0] / "multirun").rename(swept[0] / "away")
    try:
        monkeypatch.chdir(moved)
        ended = besom("logs", "talking", "0")
        failed = besom("logs", "talking", number_of(swept[1], "x=1.5"))
    finally:
        (swept[0] / "away").rename(swept[0] / "multirun")
    assert ended.code == 2 and "which is not here" in ended.err
    assert (failed.code, failed.err) == (0, "")  # the record has its traceback
    said, elsewhere, *rest = failed.out.splitlines()
    assert "ValueError: x is above 1" in said and elsewhere.endswith("which is not here")
    assert "==> traceback.txt in MLflow <==" in rest and rest[-1] == "ValueError: x is above 1"


def test_numbers_of_trials_that_others_have_are_not_its_own() -> None:
    book = Book()
    for number in (2, 3, 4, 6):
        book.trial(number, {"x": number}, {"val_accuracy": [0.5]})
    with pytest.raises(StudyError, match=r"small has no trial 0; it has 2 to 4, 6$"):
        read_logs(book, "small", 0)


def test_the_node_is_named_where_a_sweep_had_several() -> None:
    book = Book()
    book.trial(0, {"x": 1}, {"val_accuracy": [0.5]}, **{schema.NODE: "node-a"})
    assert read_logs(book, "small", 0).sentence == "trial 0, attempt 1, complete"
    book.trial(1, {"x": 2}, {"val_accuracy": [0.6]}, **{schema.NODE: "node-b"})
    assert read_logs(book, "small", 1).sentence == "trial 1, attempt 1, on node-b, complete"
