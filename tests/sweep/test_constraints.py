"""Sweeps with constraints: no infeasible trial wins."""

import json
from pathlib import Path

import pytest

from besom.results.compare import compare
from besom.results.export import winner
from besom.results.reproduce import find
from besom.results.studies import read_study
from besom.tracking import schema
from besom.tracking.reader import open_reader
from tests import warm
from tests.sweep.apps import audit, run

SPACE = ("x=choice(0.1,0.3,0.5,0.7,0.9)", "hydra/sweeper/sampler=grid")
LOSS = (*SPACE, "hydra.sweeper.objective=loss", "hydra.sweeper.n_trials=9")
SMALL = 'hydra.sweeper.constraints.size="<= 40"'


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a confirmed sweep: sizes 10 to 90, at most 40 allowed, baseline 20."""
    folder = tmp_path_factory.mktemp("constraints")
    confirm = ("hydra.sweeper.confirm.top_k=2", "hydra.sweeper.confirm.seeds=2")
    done = run("sized", *LOSS, SMALL, *confirm, folder=folder)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    return folder


def test_what_is_infeasible_never_wins_the_sweep(swept: Path) -> None:
    said = (swept / "said.txt").read_text()
    assert "  feasible   size <= 40\n" in said
    assert "infeasible  0.01      x=0.9  size 90, not <= 40" in said
    assert "\nBest: trial " in said and ", loss 0.49\n" in said
    finalists = {line.split()[0] for line in said.splitlines() if " seed=1 " in line}
    trials = read_study(open_reader(swept / "mlruns", None), "sized").trials
    sizes = {f"{trial.number:03d}": trial.metrics["size"] for trial in trials}
    assert sorted(sizes[number] for number in finalists) == [10, 20, 30]
    table = [line.split() for line in said.splitlines() if line.split()[-1:] == ["infeasible"]]
    assert [row[1] for row in table] == ["0.9", "0.7", "0.5"]


def test_what_is_infeasible_never_wins_for_readers(swept: Path) -> None:
    reader = open_reader(swept / "mlruns", None)
    record = read_study(reader, "sized")
    by_size = {trial.metrics["size"]: trial for trial in record.trials}
    assert record.best is by_size[30.0]
    assert winner(record).number == find(reader, "best", "sized").number == record.best.number
    assert json.loads(record.parent.tags[schema.CONSTRAINTS]) == {"size": "<= 40"}
    assert by_size[90.0].infeasible == "size 90, not <= 40"
    rows = compare(swept / "mlruns", None, ["sized"], None).rows()
    assert [row["feasible"] for row in rows] == [True] * 3 + [False] * 3
    assert [row["size"] for row in rows] == [30, 20, 10, 90, 70, 50]


def test_other_constraints_judge_a_resumed_study_anew(swept: Path) -> None:
    """Also by a metric that was recorded, but not constrained, when the trials ended."""
    bounds = 'hydra.sweeper.constraints.early_size="> 60"'
    done = run("sized", *LOSS, bounds, folder=swept)
    assert done.returncode == 0, done.stderr
    asked = "from besom.cli.main import main; main(['status', 'sized'])"
    assert ", loss 0.01  x=0.9\n" in warm.run(["-c", asked], swept).stdout  # it reads no MLflow run
    assert ", loss 0.01\n" in done.stdout and "under other constraints, found: Trial" in done.stdout
    code = (
        "from pathlib import Path\n"
        "from besom.results.studies import read_study\n"
        "from besom.tracking.reader import open_reader\n"
        "found = read_study(open_reader(Path('mlruns'), None), 'sized')\n"
        "print(found.best.metrics['size'], repr(found.verdict))"
    )
    told = warm.run(["-c", code], swept).stdout
    assert told == "90.0 ''\n"  # the verdict's winner is infeasible now
    none = run("sized", *LOSS, 'hydra.sweeper.constraints.size="< 0"', folder=swept)
    assert none.returncode == 0, none.stderr
    assert "None of 6 complete trials is feasible (size < 0), so there is no best." in none.stdout
    lifted = run("sized", *LOSS, folder=swept)
    assert ", loss 0.01\n" in lifted.stdout and "infeasible" not in lifted.stdout


def test_an_infeasible_baseline_cannot_keep_its_place(root: Path) -> None:
    """The challenger wins although its loss is worse, because it is feasible."""
    done = run(
        *("sized", "x=choice(0.1)", "hydra.sweeper.objective=loss", "hydra.sweeper.n_trials=2"),
        'hydra.sweeper.constraints.size="<= 15"',
        *("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.confirm.seeds=2"),
        folder=root.parent,
    )
    assert done.returncode == 0, done.stderr
    assert "The baseline is infeasible (size 20, not <= 15) and cannot win." in done.stdout
    record = read_study(open_reader(root, None), "sized")
    assert record.winner == 1 and winner(record).number == 1


def test_a_metric_that_no_trial_tells_is_said_after_the_first(root: Path) -> None:
    begun = ("sized", *LOSS, SMALL, "tells_size=false")
    done = run(*begun, folder=root.parent)
    assert done.returncode == 2
    assert "returned loss, but not the constrained metric size; return or report it" in done.stderr
    assert done.stderr.count("\n") == 2
    assert audit(root, "sized").states() == {"RUNNING": 1}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("hydra.sweeper.constraints.size=40", "constraints.size: 40 is no comparison"),
        (
            'hydra.sweeper.constraints.size="<= much"',
            "constraints.size: '<= much' is no comparison",
        ),
    ],
)
def test_a_bound_that_is_no_comparison_is_refused(word: str, said: str, tmp_path: Path) -> None:
    done = run("sized", *LOSS, word, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr and not [*tmp_path.iterdir()]


def test_two_objectives_have_a_front_of_what_is_feasible(root: Path) -> None:
    words = (*SPACE, "hydra.sweeper.objective=[loss,size]", "hydra.sweeper.n_trials=9")
    done = run(
        *("sized", *words, "hydra.sweeper.direction=[minimize,minimize]", SMALL),
        folder=root.parent,
    )
    assert done.returncode == 0, done.stderr
    record = read_study(open_reader(root, None), "sized")
    feasible = {str(t.number) for t in record.trials if t.metrics["size"] <= 40}
    line = next(line for line in done.stdout.splitlines() if line.startswith("Pareto front"))
    assert set(line.removeprefix("Pareto front: trials ").split(", ")) == feasible
