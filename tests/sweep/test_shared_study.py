"""Studies that another program made or uses at the same time."""

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from besom.common.errors import StoreError, StudyError
from besom.common.locks import only_supervisor
from besom.search.storage.database import open_confirmations, open_study
from besom.sweep.identity.fingerprint import hold_to
from besom.sweep.progress import PlainProgress
from tests.sweep.apps import run
from tests.sweep.confirmation.test_jobs import confirming
from tests.sweep.conftest import Bench

FACTS = {"task": "app.main", "direction": "minimize"}


def storage_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'optuna.db'}"


def foreign(folder: Path, direction: str = "minimize", name: str = "s") -> optuna.Study:
    """Create or load a study with Optuna alone, as another program does."""
    storage = storage_in(folder)
    return optuna.create_study(
        study_name=name, storage=storage, direction=direction, load_if_exists=True
    )


@pytest.mark.parametrize("state", ["running", "complete", "failed"])
def test_a_study_that_besom_did_not_make_is_refused_in_a_line(tmp_path: Path, state: str) -> None:
    trial = foreign(tmp_path).ask()
    trial.suggest_float("q", 0, 1)
    if state != "running":
        told = {"complete": TrialState.COMPLETE, "failed": TrialState.FAIL}[state]
        foreign(tmp_path).tell(trial, 0.5 if state == "complete" else None, told)
    study = open_study("s", storage_in(tmp_path), ["minimize"])
    with pytest.raises(StudyError, match=r"another name.*study_name=.*another database") as refusal:
        hold_to(study, FACTS)
    assert len(str(refusal.value).splitlines()) == 1


def test_an_empty_one_is_taken_if_it_is_made_for_the_same_direction(tmp_path: Path) -> None:
    foreign(tmp_path, "maximize", "up")
    with pytest.raises(StudyError, match="was made to maximize, not to minimize"):
        hold_to(open_study("up", storage_in(tmp_path), ["minimize"]), FACTS)
    foreign(tmp_path).enqueue_trial({"x": 0.1})  # a waiting point is no trial
    hold_to(open_study("s", storage_in(tmp_path), ["minimize"]), FACTS)
    hold_to(open_study("s", storage_in(tmp_path), ["minimize"]), FACTS)


def test_confirmations_are_not_put_into_a_study_of_several_objectives(tmp_path: Path) -> None:
    optuna.create_study(
        study_name="s/confirmations", storage=storage_in(tmp_path), directions=["minimize"] * 2
    )
    study = open_study("s", storage_in(tmp_path), ["minimize"])
    with pytest.raises(StudyError, match=r"s/confirmations.*another program"):
        open_confirmations(study, "minimize")


def test_another_task_is_another_experiment(tmp_path: Path) -> None:
    study = open_study("s", storage_in(tmp_path), ["minimize"])
    hold_to(study, FACTS)
    study.add({"role": "baseline"})
    with pytest.raises(StudyError, match=r"task: app\.main → app\.other"):
        hold_to(open_study("s", storage_in(tmp_path), ["minimize"]), FACTS | {"task": "app.other"})


def test_tables_that_optuna_does_not_read_are_named(tmp_path: Path) -> None:
    foreign(tmp_path)
    with closing(sqlite3.connect(tmp_path / "optuna.db")) as database, database:
        database.execute("UPDATE version_info SET library_version = '2.10.1'")
        database.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    with pytest.raises(StoreError, match=r"\noptuna 2\.10\.1 made it: give another"):
        open_study("s", storage_in(tmp_path), ["minimize"])


def test_what_another_live_program_does_in_the_study_is_left_alone(bench: Bench) -> None:
    bench.sweep(n_trials=1)
    theirs = foreign(bench.root, name="bench")
    running, done = theirs.ask(), theirs.ask()
    done.suggest_float("x", -1, 1)
    theirs.tell(done, -9.0)
    study, pool = bench.sweep(n_trials=3)
    assert [row.number for row in study.rows()] == [0, 3, 4]
    assert {assignment.trial for assignment in pool.assigned} == {3, 4}
    (best,) = study.best()
    assert best.values[0] > -9
    theirs.tell(running, 1.0)  # it stays theirs
    assert [row.number for row in bench.study().rows()] == [0, 3, 4]


def test_sweeps_of_several_roots_do_not_have_one_study_at_once(root: Path) -> None:
    storage = f"hydra.sweeper.storage={storage_in(root.parent)}"
    with only_supervisor(root.parent, "noisy"):  # as a sweep of another root would
        done = run("noisy", "x=choice(0,1)", storage, folder=root.parent)
    assert done.returncode == 2
    assert "the study `noisy` is being swept already, by process" in done.stderr


def test_the_baseline_comes_before_points_that_were_enqueued_earlier(bench: Bench) -> None:
    theirs = foreign(bench.root, name="bench")
    for x in (0.5, 0.25, 0.125):
        theirs.enqueue_trial({"x": x})
    driver, pool, verdict = confirming(bench)
    rows = driver.sweep.study.rows()
    assert [row.params["x"] for row in rows[:4]] == [0.5, 0.25, 0.125, 0.5]
    assert [row.number for row in rows if row.is_baseline] == [3]
    assert pool.assigned[0].trial == 3  # first, so that few trials suffice for a verdict
    assert rows[0].notes["reused"] == 3
    assert "beats the baseline" in verdict


def test_a_point_that_can_be_no_trial_is_left_out_with_a_word(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = foreign(bench.root, name="bench")
    for x in ("abc", None, float("nan"), 0.25):
        theirs.enqueue_trial({"x": x})
    said: list[str] = []
    monkeypatch.setattr(PlainProgress, "remark", lambda _, line: said.append(line))
    study, pool = bench.sweep(n_trials=3)
    assert [row.number for row in study.rows()] == [3, 4, 5]
    assert [one.trial for one in pool.assigned] == [4, 3, 5]
    left_out = [line for line in said if line.endswith("it is left out.")]
    assert len(left_out) == 3 and left_out[0].startswith("trial 0 was enqueued with x='abc'")
