"""Real sweeps: real Hydra applications, worker processes, SQLite and MLflow."""

import json
import re
import signal
import socket
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.tracking import schema
from tests.processes import is_alive, kill, sleepers, wait_for, workers_of
from tests.sweep.apps import Audit, audit, confirmations_of, n_ended, run, run_cold, start

SPACE = ("x=interval(-2,2)", "hydra.sweeper.objective=loss")


def test_a_users_own_application_is_swept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run under ``python -W error``: warnings inside libraries do not end the sweep."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    done = run_cold(
        "quadratic",
        *("x=interval(-5,5)", "y=range(-5,6)", "kind=choice(plain,shifted)"),
        "hydra.sweeper.n_trials=8",
        folder=root.parent,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-3].startswith("besom ui quadratic ")
    found = audit(root, "quadratic")
    assert found.states() == {"COMPLETE": 8}
    for trial in found.trials:
        x, y, kind = (trial.params[key] for key in ("x", "y", "kind"))
        assert trial.value == pytest.approx(x**2 + y**2 + (kind == "shifted"))
        assert found.metrics[trial.user_attrs["besom.run_id"]]["objective"] == trial.value


def test_reports_reach_pruner_and_record(root: Path) -> None:
    done = run(
        "stepping",
        *SPACE,
        *("hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startup_trials=2"),
        *("hydra.sweeper.n_trials=6", "hydra/sweeper/sampler=random"),
        "hydra.sweeper.sampler.seed=0",
        folder=root.parent,
    )
    assert done.returncode == 0, done.stderr
    found = audit(root, "stepping")
    assert found.states()["PRUNED"] > 0 and found.states().total() == 6
    assert_can_be_looked_at(root, found)
    folders = {path.name for path in (root.parent / "multirun").glob("*/*/*") if path.is_dir()}
    assert {str(number) for number in range(6)} <= folders  # Hydra's own job folders


def assert_can_be_looked_at(root: Path, found: Audit) -> None:
    """Assert that the experiment has a view of the trials, and the sweep's own run its metrics."""
    (parent,) = (run for run, tags in found.tags.items() if tags[schema.ROLE] == "sweep")
    complete = {t.number: t.value for t in found.trials if t.state.name == "COMPLETE"}
    assert found.metrics[parent] == {
        "best_value": min(complete.values()),
        "baseline_value": complete[0],
        "trials_complete": len(complete),
        "trials_pruned": 6 - len(complete),
        "trials_failed": 0,
    }
    experiment = MlflowClient(f"sqlite:///{root / 'mlflow.db'}").get_experiment_by_name("besom")
    view = json.loads(experiment.tags[f"{schema.VIEW_PREFIX}stepping"])
    assert view["name"] == "stepping" and view["orderByKey"] == "metrics.`loss`"
    assert view["selectedColumns"][:3] == ["metrics.`loss`", "tags.`besom.state`", "params.`x`"]
    link = f"(#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning&view"
    assert link in found.tags[parent][schema.NOTE]


ERRORS = {"raise": "ValueError: x is above 1", "exit": "SystemExit: 3", "undefined": "loss is nan"}
DEATHS = {
    "poison": "was killed by SIGKILL",
    "quit": "ended with exit code 3",
    "hang": "said nothing for hydra.sweeper.hang_timeout=2 s",
}


def test_what_goes_wrong_fails_its_trial_only_which_says_of_what(root: Path) -> None:
    """An error fails its trial at once; a dead or hanging worker, after a second attempt."""
    done = run(
        "stepping",
        *(
            "hydra.sweeper.objective=loss",
            "x=1.5",
            f"fault=choice(none,{','.join(ERRORS | DEATHS)})",
        ),
        *("hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=8"),
        *("hydra.sweeper.hang_timeout=2", "hydra.sweeper.max_attempts=2"),
        "hydra.sweeper.max_failure_rate=0.9",
        folder=root.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = audit(root, "stepping")
    assert found.states() == {"COMPLETE": 1, "FAIL": 6}  # the grid has seven points
    failed = {trial.params["fault"]: trial.user_attrs for trial in found.trials[1:]}
    for fault, error in ERRORS.items():
        assert error in failed[fault][schema.ERROR]
        traceback = failed[fault]["besom.traceback"]
        assert error in traceback and "run_job" not in traceback
        assert "besom/sweep/" not in traceback and "hydra" not in traceback
        assert error in done.stdout
    for fault, cause in DEATHS.items():
        assert failed[fault][schema.ERROR] == f"its worker {cause}, in each of 2 attempts"
    dead = [tags[schema.ERROR] for tags in found.tags.values() if tags[schema.STATE] == "dead"]
    assert {f"its worker {cause}" for cause in DEATHS.values()} <= set(dead)
    assert done.stderr.count("Traceback") == 0


NONE_MAY_FAIL = (
    *("hydra.sweeper.objective=loss", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=2"),
    "hydra.sweeper.max_failure_rate=0",
)


def test_a_sweep_that_fails_shows_the_tasks_own_traceback(root: Path) -> None:
    done = run("stepping", "fault=raise", "x=choice(1,1.5)", *NONE_MAY_FAIL, folder=root.parent)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n  File ")
    files = [line for line in done.stderr.splitlines() if line.startswith("  File")]
    assert files and all("stepping.py" in line for line in files), done.stderr
    assert "\nValueError: x is above 1\n" in done.stderr
    assert "besom: 1 of 2 trials failed" in done.stderr


def test_a_trial_over_its_time_fails_at_once(root: Path) -> None:
    done = run(
        "stepping",
        *("hydra.sweeper.objective=loss", "fault=hang", "x=choice(1,1.5)"),
        *("hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=2"),
        *("hydra.sweeper.trial_timeout=2", "hydra.sweeper.max_failure_rate=0.5"),
        folder=root.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = audit(root, "stepping")
    assert found.states() == {"COMPLETE": 1, "FAIL": 1}
    failed = found.trials[1]
    assert failed.params == {"x": 1.5} and failed.user_attrs["besom.attempt"] == 1
    assert "hydra.sweeper.trial_timeout=2 s" in failed.user_attrs["besom.error"]
    assert "trial_timeout" in done.stdout


@pytest.mark.slow  # also covered by the poisonous trial above and test_end_to_end.py
def test_a_killed_worker_costs_no_trial(root: Path) -> None:
    arguments = (*SPACE, "seconds=0.1", "hydra.sweeper.n_trials=7")
    sweep = start("stepping", *arguments, folder=root.parent)
    for goal in (2, 4):
        wait_for(lambda goal=goal: n_ended(root, "stepping") >= goal)
        wait_for(lambda: workers_of(sweep.pid))
        kill(workers_of(sweep.pid)[0])
    output, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 0, output
    found = audit(root, "stepping")
    assert found.states() == {"COMPLETE": 7}
    dead = [tags for tags in found.tags.values() if tags.get(schema.STATE) == "dead"]
    assert 1 <= len(dead) <= 2 and all("SIGKILL" in tags[schema.ERROR] for tags in dead)


@pytest.mark.slow  # also covered by a killed sweep below and steering/test_commands.py
def test_a_killed_supervisor_takes_its_workers_along_and_the_same_command_goes_on(
    root: Path,
) -> None:
    arguments = (*SPACE, "seconds=0.3", "hydra.sweeper.n_trials=5")
    sweep = start("stepping", *arguments, folder=root.parent)
    wait_for(lambda: n_ended(root, "stepping") >= 2)
    workers = workers_of(sweep.pid)
    assert len(workers) == 2
    kill(sweep.pid)
    sweep.communicate(timeout=10)
    wait_for(lambda: not any(map(is_alive, workers)), seconds=5)
    done = run("stepping", *arguments, folder=root.parent)
    assert done.returncode == 0, done.stderr
    found = audit(root, "stepping")
    assert found.states() == {"COMPLETE": 5}
    assert len([tags for tags in found.tags.values() if tags[schema.ROLE] == "sweep"]) == 1


def test_one_signal_stops_at_the_next_step_and_the_same_command_goes_on(root: Path) -> None:
    """Sends SIGTERM; ``callbacks/test_callbacks.py`` does the same with Ctrl-C (SIGINT)."""
    arguments = (*SPACE, "seconds=0.2", "steps=5", "hydra.sweeper.n_trials=4")
    sweep = start("stepping", *arguments, folder=root.parent)
    wait_for(lambda: n_ended(root, "stepping") >= 1)
    kill(sweep.pid, signal.SIGTERM)
    output, _ = sweep.communicate(timeout=20)
    assert sweep.returncode == 128 + signal.SIGTERM, output
    assert "the same command resumes the sweep" in output
    before = audit(root, "stepping")
    assert before.states()["RUNNING"] > 0
    interrupted = [t for t in before.tags.values() if t.get(schema.STATE) == "interrupted"]
    assert len(interrupted) == before.states()["RUNNING"]
    done = run("stepping", *arguments, "seconds=0.2", folder=root.parent)
    assert done.returncode == 0, done.stderr
    assert audit(root, "stepping").states() == {"COMPLETE": 4}


def n_training(folder: Path) -> int:
    """Return how many workers have logged that they begin a trial."""
    logs = folder.glob("multirun/*/*/workers/*.log")
    return sum("trial" in log.read_text() for log in logs)


def test_a_second_supervisor_is_refused_and_two_signals_end_the_first_at_once(root: Path) -> None:
    arguments = (*SPACE, "seconds=30", "hydra.sweeper.n_trials=6")
    sweep = start("stepping", *arguments, folder=root.parent)
    wait_for(lambda: n_training(root.parent) == 2)
    second = run("stepping", *arguments, folder=root.parent)
    assert second.returncode == 2
    who = f"by process {sweep.pid} on {re.escape(socket.gethostname())} since 20"
    assert re.search(who, second.stderr), second.stderr
    assert len(second.stderr.splitlines()) == 2
    workers = workers_of(sweep.pid)  # both are in a step that takes 30 s
    assert len(workers) == 2
    kill(sweep.pid, signal.SIGINT)
    time.sleep(0.3)
    assert sweep.poll() is None
    kill(sweep.pid, signal.SIGINT)
    said, _ = sweep.communicate(timeout=2)
    assert sweep.returncode == 130
    assert said.endswith("\nbesom: ended at once; the same command resumes the sweep\n")
    wait_for(lambda: not any(map(is_alive, workers)), seconds=2)


def test_another_experiment_is_not_mixed_in(root: Path) -> None:
    run("stepping", *SPACE, "hydra.sweeper.n_trials=1", folder=root.parent)
    for change in ("x=interval(-2,3)", "steps=4", "hydra.sweeper.direction=maximize"):
        done = run("stepping", *SPACE, "hydra.sweeper.n_trials=2", change, folder=root.parent)
        assert done.returncode == 2
        assert change.split("=")[0].rpartition(".")[2] in done.stderr
        assert len(done.stderr.splitlines()) <= 2
    assert audit(root, "stepping").states() == {"COMPLETE": 1}


def test_a_conditional_space(root: Path) -> None:
    custom = "hydra.sweeper.custom_search_space=__main__.suggest"
    done = run("stepping", *SPACE, custom, "hydra.sweeper.n_trials=6", folder=root.parent)
    assert done.returncode == 0, done.stderr
    trials = audit(root, "stepping").trials
    assert trials[0].params == {"x": 1.0, "y": 0.0}
    assert all(("y" in trial.params) == (trial.params["x"] > 0) for trial in trials)


def test_enumerations_lists_and_times_are_ordinary(root: Path) -> None:
    arguments = ["sizes=choice([1,2],[3,4])", "color=choice(RED,BLUE)"]
    for n_trials in (1, 2):  # the second is a later resume
        done = run("unusual", *arguments, f"hydra.sweeper.n_trials={n_trials}", folder=root.parent)
        assert done.returncode == 0, done.stdout + done.stderr
    found = audit(root, "unusual")
    assert found.states() == {"COMPLETE": 2}
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    first = client.get_run(found.trials[0].user_attrs["besom.run_id"]).data.params
    assert (first["color"], first["sizes"]) == ("RED", "[1, 2]")
    assert Path(first["out"]).is_dir()


def test_a_task_may_have_processes_of_its_own(root: Path) -> None:
    arguments = ("x=interval(0,1)", "children=multiprocessing", "hydra.sweeper.n_trials=1")
    done = run("unusual", *arguments, folder=root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert audit(root, "unusual").states() == {"COMPLETE": 1}


def test_what_a_task_has_started_ends_with_the_supervisor(root: Path) -> None:
    sweep = start("unusual", "x=interval(0,1)", "children=sleep", folder=root.parent)
    wait_for(lambda: len(sleepers(sweep.pid)) == 2)
    descendants = [*workers_of(sweep.pid), *sleepers(sweep.pid)]
    kill(sweep.pid)
    sweep.communicate(timeout=10)
    wait_for(lambda: not any(map(is_alive, descendants)), seconds=5)


def test_a_dead_workers_child_does_not_hide_its_death(root: Path) -> None:
    arguments = ["x=choice(0.5,0.25)", "children=fork", "hydra/sweeper/sampler=grid"]
    limits = ["hydra.sweeper.max_failure_rate=1", "hydra.sweeper.max_attempts=1"]
    done = run("unusual", *arguments, *limits, folder=root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert audit(root, "unusual").states()["FAIL"] == 1
    assert "exit code 3" in done.stdout


def test_a_timeout_says_what_remains(root: Path) -> None:
    arguments = (*SPACE, "seconds=0.3", "hydra.sweeper.timeout=1", "hydra.sweeper.n_trials=50")
    done = run("stepping", *arguments, folder=root.parent)
    assert done.returncode == 0, done.stderr
    assert "trials are still to be done; the same command resumes the sweep" in done.stdout
    assert 0 < audit(root, "stepping").states()["COMPLETE"] < 50


def test_a_dry_run_leaves_no_trace(tmp_path: Path) -> None:
    done = run("stepping", *SPACE, "hydra.sweeper.dry_run=true", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "interval(-2,2)" in done.stdout and "(baseline)" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x=range(8,2)"], "range"),
        (["xx=interval(0,2)"], "no key `xx`"),
        (["steps=choice(3,abc)", "seconds.x=choice(1,2)"], "steps=abc"),
        (["x=interval(0,2)", "hydra.sweeper.n_trials=0"], "n_trials=0"),
        (["x=interval(0,2)", "hydra.sweeper.confirm.only=true"], "confirm.top_k=3, say"),
        (
            ["x=interval(0,2)", "hydra.sweeper.confirm={only: true, top_k: 1, seed_key: steps}"],
            "no finished trial to confirm",
        ),
        (
            ["x=interval(0,2)", "hydra.sweeper={confirm: {only: true, top_k: 1}, dry_run: true}"],
            "has no proposals to show",
        ),
        (
            [
                "x=interval(0,2)",
                "hydra.sweeper={confirm: {only: true, top_k: 1, seed_key: steps}}",
                "hydra.sweeper.storage=nonsense",
            ],
            "storage=nonsense",
        ),
        (["x=interval(0,2)", "hydra/sweeper/pruner=threshold"], "lower or upper"),
        (["x=interval(0,2)", "hydra.sweeper.storage=nonsense"], "storage=nonsense"),
        (["x=interval(0,2)", "hydra.sweeper.storage=${oc.env:NOT_SET}"], "variable NOT_SET is"),
        (["x=interval(0,2)", "hydra.sweeper.root=/proc/nowhere"], "/proc/nowhere"),
        (["x=interval(0,2)", "hydra.sweeper.custom_search_space=a.b"], "a.b"),
        (
            [
                "x=choice(0,1)",
                "hydra/sweeper/sampler=grid",
                "hydra.sweeper.custom_search_space=__main__.suggest",
            ],
            "grid",
        ),
    ],
)
def test_bad_input_is_refused_in_two_lines(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run("stepping", *arguments, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "mlruns" / "optuna.db").exists()


CONFIRM = ("hydra.sweeper.confirm.top_k=2", "hydra.sweeper.confirm.seeds=2")
JUDGED = (
    "hydra.sweeper.confirm.metric=score",
    "hydra.sweeper.confirm.direction=maximize",
    "hydra.sweeper.confirm.overrides=['judged=true']",
)


def n_confirmed(root: Path) -> int:
    """Return how many confirmations are complete in Optuna."""
    try:
        found = confirmations_of("noisy", f"sqlite:///{root / 'optuna.db'}")
    except Exception:  # the tables are being created
        return 0
    return sum(trial.state.name == "COMPLETE" for trial in found)


def test_any_applications_best_is_confirmed_by_its_own_seed_and_metric(root: Path) -> None:
    space = ("x=choice(1,0.1,2)", "hydra/sweeper/sampler=grid", "hydra.sweeper.objective=loss")
    done = run("noisy", *space, *CONFIRM, *JUDGED, folder=root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "beats the baseline: score" in done.stdout
    found = audit(root, "noisy")
    assert found.states() == {"COMPLETE": 3}
    scores = [metrics for metrics in found.metrics.values() if "score" in metrics]
    assert len(scores) == 6
    folders = {path.name for path in (root.parent / "multirun").glob("*/*/*") if path.is_dir()}
    without_setting = {name.rpartition("-")[0] for name in folders}
    assert {"0-seed-1", "0-seed-2"} <= without_setting  # besides those of the trials


@pytest.mark.slow  # also covered by confirmation/test_jobs.py, one death at a time
def test_a_confirmation_survives_its_supervisor_and_its_workers(root: Path) -> None:
    space = ("x=interval(-1,1)", "hydra.sweeper.objective=loss", "seconds=0.2")
    arguments = (*space, *CONFIRM, "hydra.sweeper.n_trials=3")
    sweep = start("noisy", *arguments, folder=root.parent)
    wait_for(lambda: n_confirmed(root) >= 1)
    kill(workers_of(sweep.pid)[0])
    wait_for(lambda: n_confirmed(root) >= 3)
    kill(sweep.pid)
    sweep.communicate(timeout=10)
    done = run("noisy", *arguments, folder=root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " baseline: loss " in done.stdout
    found = audit(root, "noisy")
    finished = [
        (tags[schema.CONFIRMS], tags[schema.SEED])
        for run_id, tags in found.tags.items()
        if tags[schema.ROLE] == "confirmation" and found.statuses[run_id] == "FINISHED"
    ]
    assert len(finished) == len(set(finished)) == 6


def test_where_only_confirmations_are_wanted_no_trial_is_started(root: Path) -> None:
    space = ("x=interval(-1,1)", "hydra.sweeper.objective=loss", "hydra.sweeper.study_name=noisy")
    assert run("noisy", *space, "hydra.sweeper.n_trials=3", folder=root.parent).returncode == 0
    asked = (*CONFIRM, "hydra.sweeper.confirm.only=true", "hydra.sweeper.n_trials=9")
    done = run("noisy", *space, *asked, folder=root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " baseline: loss " in done.stdout and "still to be done" not in done.stdout
    assert len(audit(root, "noisy").trials) == 3 and n_confirmed(root) == 6


def test_a_confirmation_without_a_seed_is_refused(root: Path) -> None:
    done = run("quadratic", "x=interval(-1,1)", *CONFIRM, folder=root.parent)
    assert done.returncode == 2
    assert "seed_key=seed: the configuration has no such key" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not (root / "optuna.db").exists()
