"""Tests ``besom clean``: it deletes what a study does not need, and keeps the rest."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.common.keras_model import KerasModel, TensorSpec
from besom.common.locks import only_supervisor
from besom.keras_task import MODEL_FILE
from besom.tracking import connect, schema
from besom.tracking.models.registry import Champion, register
from tests.conftest import Command
from tests.results.conftest import optuna_study, start

SPEC = TensorSpec((None, 1), "float32")
GONE = "0" * 32
VALUES = {0: 0.5, 1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6}


@dataclass(frozen=True)
class Swept:
    """A study of five ended trials, each with a model, and one interrupted trial."""

    root: Path
    runs: dict[int, str]
    parent: str

    def models(self) -> list[int]:
        """Return the trials whose models are still in MLflow."""
        client = MlflowClient(f"sqlite:///{self.root / 'mlflow.db'}")
        there = {model.source_run_id for model in client.search_logged_models(["1"])}
        return [number for number, run_id in self.runs.items() if run_id in there]

    def files(self) -> set[str]:
        """Return the files in the jobs' folders and in the outbox."""
        spool = self.root / "spool"
        found = [*(self.root / "jobs").rglob("*"), *spool.glob("*.jsonl"), *spool.glob("*.refused")]
        return {f"{file.parent.name}/{file.name}" for file in found if file.is_file()}


@pytest.fixture
def swept(root: Path) -> Swept:
    """Record the study. Trial 4, the second worst, is registered. MLflow has refused data of trial
    1, which was restored since, and of a run that is still deleted; the outbox keeps them."""
    with connect(root, None, "besom") as record:
        study = start(record, "small")
        record.text(study.parent, schema.SWEEPER_FILE, "keep_models: all\nstorage: null\n")
        runs = {}
        for number in (*VALUES, 5):
            folder = root / "jobs" / "small" / str(number)
            folder.mkdir(parents=True)
            (folder / MODEL_FILE).write_bytes(b"w" * 500_000)
            (folder / "checkpoint.npz").write_bytes(b"w" * 100_000)
            (folder / "notes.txt").write_text("the user's own")
            state, values = ("complete", [VALUES[number]]) if number < 5 else ("dead", [])
            runs[number] = study.trial(number, {}, {"val_accuracy": values}, state)
            record.log(runs[number], {schema.FOLDER: str(folder)})
            if number < 5:
                record.model(runs[number], KerasModel(folder / MODEL_FILE, SPEC, SPEC))
        record.flush()
        register(record, Champion("small", 4, runs[4], ""), None)
        record.prepare_end(study.parent, "FINISHED", {}, {})
        record.end_run(study.parent)
    logs = root / "jobs" / "small" / "workers"
    logs.mkdir()
    (logs / "worker-0.log").write_text("printed")
    for run_id in (runs[1], GONE):
        (root / "spool" / f"{run_id}.refused").write_text("{}\n")
    return Swept(root, runs, study.parent)


def row(out: str, what: str) -> list[str]:
    (line,) = [line for line in out.splitlines() if line.startswith(what)]
    return line.removeprefix(what).split()


def test_what_is_not_needed_goes(swept: Swept, besom: Command) -> None:
    root = ["--root", str(swept.root)]
    before = swept.files()
    dry = besom("clean", "small", "--keep", "best", "2", "--dry-run", *root)
    assert (dry.code, dry.err) == (0, "")
    assert row(dry.out, "models in MLflow's store") == ["2", "1.0"]
    assert row(dry.out, "copies of models in the jobs' folders") == ["4", "2.0"]
    assert row(dry.out, "checkpoints") == ["4", "0.4"]
    assert row(dry.out, "all") == ["11", "3.4"]
    command = f"besom clean small --keep best 2 --root {swept.root}"
    assert dry.out.splitlines()[-2:] == ["# deletes it:", command]
    assert "1 run has not ended or is not in MLflow yet (besom sync --root" in dry.out
    assert swept.files() == before and len(swept.models()) == 5
    done = besom(*command.split()[1:])
    assert done.out.splitlines()[1:] == dry.out.splitlines()[1:-3]
    assert swept.models() == [1, 2, 4]  # trial 4 is registered
    assert swept.files() == {
        *(f"{number}/notes.txt" for number in range(6)),
        *(f"{number}/{MODEL_FILE}" for number in (1, 5)),  # trial 5 will be tried again
        *(f"{number}/checkpoint.npz" for number in (1, 5)),
        *(f"spool/{run_id}.refused" for run_id in (swept.runs[1], GONE)),
    }
    again = besom("clean", "small", "--keep", "best", "2", *root)
    assert row(again.out, "all") == ["0", "0.0"]
    tags = MlflowClient(f"sqlite:///{swept.root / 'mlflow.db'}").get_run(swept.runs[0]).data.tags
    assert tags[schema.MODEL_DELETED] == "besom clean"


def test_the_best_three_stay_unless_it_is_said(swept: Swept, besom: Command) -> None:
    done = besom("clean", "small", "--root", str(swept.root))
    assert "Models that stay: best 3, and all that were confirmed or registered." in done.out
    assert swept.models() == [1, 2, 3, 4]


def test_of_several_objectives_the_feasible_front_stays(root: Path, besom: Command) -> None:
    """Trial 0 dominates all others, but is infeasible; trial 3 is dominated."""
    values = {0: (0.9, 10.0), 1: (0.8, 30.0), 2: (0.6, 20.0), 3: (0.5, 40.0)}
    with connect(root, None, "besom") as record:
        study = start(record, "small", "acc, size", "maximize, minimize")
        record.log(study.parent, {schema.CONSTRAINTS: '{"acc": "<= 0.85"}'})
        runs = {}
        for number, (acc, size) in values.items():
            file = root / f"{number}.keras"
            file.write_bytes(b"w" * 1000)
            runs[number] = study.trial(number, {}, {"acc": [acc], "size": [size]})
            record.model(runs[number], KerasModel(file, SPEC, SPEC))
        record.prepare_end(study.parent, "FINISHED", {}, {})
        record.end_run(study.parent)
    assert besom("clean", "small", "--root", str(root)).code == 0
    assert Swept(root, runs, study.parent).models() == [1, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["smal"], "no study `smal` in the record; did you mean `small`"),
        (["small", "--keep", "best", "0"], "--keep=best 0: take all, none, or best N"),
        (["small", "--keep", "some"], "--keep=some: take all, none, or best N"),
        (["small", "--dry"], "unrecognized arguments: --dry"),
    ],
)
def test_is_refused_in_a_line(swept: Swept, besom: Command, words: list[str], said: str) -> None:
    ended = besom("clean", *words, "--root", str(swept.root))
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err and len(ended.err.splitlines()) == 1
    assert len(swept.models()) == 5


def test_the_sweep_of_another_root_is_let_alone(
    swept: Swept, besom: Command, tmp_path: Path
) -> None:
    """For example a colleague's on a shared server, with or without a local study of its name."""
    uri = f"sqlite:///{swept.root / 'mlflow.db'}"
    here = optuna_study(tmp_path / "here", "small", "0" * 32)
    before = swept.files()
    for root in (here, tmp_path / "nowhere"):
        ended = besom("clean", "small", "--tracking-uri", uri, "--root", str(root))
        assert (ended.code, ended.out) == (2, "")
        assert "the sweep of small in the record, begun " in ended.err
        assert f"is not that of sqlite:///{root}/optuna.db, so nothing" in ended.err
        assert len(ended.err.splitlines()) == 2
    assert swept.files() == before and len(swept.models()) == 5
    own = optuna_study(tmp_path / "own", "small", swept.parent)
    done = besom("clean", "small", "--tracking-uri", uri, "--root", str(own))
    assert (done.code, done.err) == (0, "")
    assert swept.models() == [1, 2, 3, 4]


def test_a_study_that_runs_is_looked_at_and_not_cleaned(swept: Swept, besom: Command) -> None:
    root = ["--root", str(swept.root)]
    with only_supervisor(swept.root, "small"):
        ended = besom("clean", "small", *root)
        assert besom("clean", "small", "--dry-run", *root).code == 0
    assert (ended.code, ended.out) == (2, "")
    assert "the study `small` is being swept already, by process" in ended.err
    assert ended.err.endswith("Clean it when the sweep has ended.\n")
    assert len(swept.models()) == 5
