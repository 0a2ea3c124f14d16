"""``hydra.sweeper.callbacks``: callbacks receive a sweep's events; bad values are refused."""

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import besom
from besom.common.errors import ConfigError
from besom.sweep.callbacks.read import read_callbacks
from tests.processes import kill, wait_for
from tests.sweep.apps import audit, run, start
from tests.sweep.callbacks import telling

SPACE = (
    *("x=choice(0.5,-1,0.25,1)", "hydra/sweeper/sampler=grid"),
    *("hydra.sweeper.n_trials=4", "hydra.sweeper.objective=loss"),
)
CONFIRMED = (
    *("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.confirm.seeds=2"),
    "hydra.sweeper.confirm.seed_key=steps",
)


def named(*nodes: str) -> str:
    return f"hydra.sweeper.callbacks=[{','.join(nodes)}]"


@pytest.fixture
def folder(root: Path) -> Path:
    shutil.copy(telling.__file__, root.parent / "my_callbacks.py")
    return root.parent


def told(folder: Path) -> list[Any]:
    lines = (folder / "rows.txt").read_text().splitlines()
    names = {name: getattr(besom, name) for name in dir(besom)}
    return [eval(line, names) for line in lines]


def test_all_that_happens_is_told_in_rows_and_a_callback_that_raises_ends_nothing(
    folder: Path, root: Path
) -> None:
    names = ("Exiting", "Raising", "Rows, path: rows.txt")
    nodes = [f"{{_target_: my_callbacks.{name}}}" for name in names]
    done = run("stepping", *SPACE, named(*nodes), *CONFIRMED, folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Raising.on_trial_end: has raised") == 1
    assert done.stderr.count("Exiting.on_study_start: has raised") == 1
    assert "SystemExit: 3" in done.stderr
    assert "ValueError: trial 0 is not to my liking" in done.stderr
    rows = told(folder)
    begun, *between, end = rows
    assert begun == besom.StudyStarted(
        "stepping", begun.run_id, "mlruns", ("loss",), ("minimize",), 4, 1
    )
    found = audit(root, "stepping")
    ended = [row for row in between if isinstance(row, besom.TrialEnded)]
    trials = [row for row in ended if row.role != "confirmation"]
    assert {row.number: row.values for row in trials} == {
        trial.number: {"loss": trial.value} for trial in found.trials
    }
    for row in ended:
        assert found.metrics[row.run_id].items() >= row.metrics.items()
        assert row.metrics["accuracy"] == 1 - row.metrics["loss"] and row.seconds is not None
    confirmed = {(row.number, row.seed) for row in ended if row.role == "confirmation"}
    best = min(trials, key=lambda row: row.values["loss"])
    assert confirmed == {(0, 4), (0, 5), (best.number, 4), (best.number, 5)}
    of_first = [row for row in between if getattr(row, "run_id", "") == trials[0].run_id]
    assert [type(row).__name__ for row in of_first] == [
        *("TrialStarted", "TrialReported", "TrialReported", "TrialReported", "TrialEnded")
    ]
    assert of_first[0].role == "baseline" and of_first[2].value == of_first[2].metrics["loss"]
    (verdict,) = [row for row in between if isinstance(row, besom.VerdictReached)]
    assert verdict.winner == best.number and verdict.beats and verdict.sentence in done.stdout
    assert (end.status, end.n_complete, end.n_left) == ("finished", 4, 0)
    assert end.best[0].number == best.number and end.verdict == verdict.sentence


def test_an_interrupted_sweep_says_so_and_its_resume_what_there_is(
    folder: Path, root: Path
) -> None:
    """The resume names another callback: callbacks are not part of a study's identity."""
    words = (*SPACE, "seconds=0.3", "hydra.sweeper.n_jobs=1")
    begun = start("stepping", *words, named("{_target_: my_callbacks.Rows}"), folder=folder)
    kept = folder / "rows.txt"
    wait_for(lambda: kept.exists() and "role='trial'" in kept.read_text())
    kill(begun.pid, signal.SIGINT)
    assert begun.wait(timeout=60) == 130
    end = told(folder)[-1]
    assert (end.status, end.n_left) == ("interrupted", 4 - end.n_complete) and end.n_left
    kept.unlink()
    done = run("stepping", *words, named("{_target_: my_callbacks.rows}"), folder=folder)
    assert done.returncode == 0, done.stderr
    first, *others = told(folder)
    assert len(first.resumed) == end.n_complete and first.resumed[0].values == {"loss": 1.0}
    again = [row.number for row in others if isinstance(row, besom.TrialEnded)]
    assert {*again} == {0, 1, 2, 3} - {row.number for row in first.resumed}
    restarted = [row for row in others if isinstance(row, besom.TrialStarted)]
    assert restarted[0].attempt == 2, "the one that was cut short"
    audit(root, "stepping")


def test_a_sweep_that_fails_says_why(folder: Path) -> None:
    done = run(
        "stepping",
        *("x=choice(2,3)", "hydra.sweeper.objective=loss", "hydra.sweeper.max_failure_rate=0"),
        *("fault=raise", named("{_target_: my_callbacks.Rows}")),
        folder=folder,
    )
    assert done.returncode == 1
    rows = told(folder)
    assert rows[-1].status == "failed" and "x is above 1" in rows[-1].error
    ended = [row for row in rows if isinstance(row, besom.TrialEnded)]
    failed = next(row for row in ended if row.state == "failed")
    assert failed.error == "ValueError: x is above 1"
    assert failed.values == {} and failed.metrics["loss"] > 0


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_callbacks.py").write_text("import no_such_library\n")
    (tmp_path / "leaving_callbacks.py").write_text("raise SystemExit(3)\n")


NAME = "tests.sweep.callbacks.telling"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "hydra.sweeper.callbacks=3: give a list"),
        ({"_target_": f"{NAME}.Rows"}, "give a list"),
        ([f"{NAME}.Rows"], "hydra.sweeper.callbacks.0=tests"),
        ([{"path": "x"}], "hydra.sweeper.callbacks.0: has no _target_"),
        ({"mine": {"_target_": "Rows"}}, "callbacks.mine._target_=Rows: give a dotted path"),
        ([{"_target_": "nowhere.Rows"}], "cannot be imported: No module named 'nowhere'"),
        ([{"_target_": "broken_callbacks.X"}], "No module named 'no_such_library'"),
        ([{"_target_": f"{NAME}.Rosw"}], "did you mean `Rows`?"),
        ([{"_target_": f"{NAME}.NoCallback"}], "is no besom.Callback"),
        ([{"_target_": f"{NAME}.number"}], "is no besom.Callback"),
        ([{"_target_": f"{NAME}.Rows", "pth": "x"}], "no such keyword; did you mean `path`?"),
        ([{"_target_": f"{NAME}.Picky"}], "callbacks.0.size: "),
        ([{"_target_": f"{NAME}.Picky", "size": 0}], "fails with ValueError: size is below 1"),
        ([{"_target_": f"{NAME}.Exiting", "at_once": True}], "fails with SystemExit: at once"),
        ([{"_target_": "leaving_callbacks.X"}], "cannot be imported: SystemExit: 3"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_makes_no_callback_is_refused_in_a_line(given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_callbacks(given)
    assert said in str(refusal.value) and len(str(refusal.value).splitlines()) == 1


def test_lists_and_mappings_make_callbacks_and_null_none() -> None:
    node = {"_target_": f"{NAME}.Rows", "path": "x"}
    assert [type(made) for made in read_callbacks([node, None])] == [telling.Rows]
    assert [type(made) for made in read_callbacks({"mine": node, "other": None})] == [telling.Rows]
    assert read_callbacks(None) == read_callbacks({}) == ()


def test_a_refusal_comes_before_anything_is_made(folder: Path, root: Path) -> None:
    before = {*folder.rglob("*")}
    done = run("stepping", *SPACE, named("{_target_: my_callbacks.Rws}"), folder=folder)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "besom: hydra.sweeper.callbacks.0._target_=my_callbacks.Rws: my_callbacks has no class "
        "Rws; did you mean `Rows`?"
    ]
    made = {path for path in folder.rglob("*") if "__pycache__" not in path.parts} - before
    assert made == set() and not (root / "optuna.db").exists()
