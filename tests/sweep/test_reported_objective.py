"""The objective in reports and results: what the pruner sees, and what happens without it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from besom.common.errors import ConfigError, SweepFailed
from besom.common.states import State
from besom.search.algorithms.options import ThresholdPruner
from besom.search.objective import ReportedObjective, read_objective
from besom.sweep import supervisor
from besom.sweep.jobs import Job
from besom.tracking import schema
from besom.workers.messages import (
    Assignment,
    FromWorker,
    Outcome,
    Reported,
    ReportReply,
    WorkerExited,
)
from tests.sweep.apps import audit, run
from tests.sweep.conftest import Bench, Script


@pytest.mark.parametrize(
    ("name", "reports", "returned", "seen"),
    [
        ("loss", [{"loss": 1.0, "acc": 2.0}, {"acc": 3.0}], {"loss": 0.0}, [1.0, None]),
        (None, [{"any": 1.0}, {"any": 2.0}], {"objective": 0.0}, [1.0, 2.0]),
        (None, [{"train": 1.0}, {"val": 2.0}, {"train": 3.0}], {"objective": 0.0}, [1.0, None]),
        (None, [{"a": 1.0, "b": 2.0}], {"objective": 0.0}, [None]),
        (None, [{"a": 1.0, "b": 2.0}], {"b": 0.0}, [None]),
    ],
)
def test_the_objective_in_reports(
    name: str | None, reports: list[dict[str, float]], returned: dict[str, float], seen: list[Any]
) -> None:
    objective = ReportedObjective(read_objective(name, "minimize"), "median")
    assert [objective.value(report) for report in reports][: len(seen)] == seen
    is_known = name or "any" in reports[0] or "b" in returned
    assert bool(objective.ended(returned)) is not bool(is_known)
    assert objective.ended(returned) == ""
    if "b" in returned:
        assert objective.value({"a": 1.0, "b": 2.0}) == 2.0


@pytest.mark.parametrize(
    ("name", "report", "said"),
    [
        (None, {}, "the task reports nothing; call besom.report"),
        (None, {"a": 1.0, "b": 2.0}, "reports a, b, and none of them is named as the objective"),
        ("loss", {"a": 1.0}, "reports a, but not the objective loss"),
    ],
)
def test_a_pruner_that_sees_nothing_says_so_once(
    name: str | None, report: dict[str, float], said: str
) -> None:
    objective = ReportedObjective(read_objective(name, "minimize"), "asha")
    objective.value(report)
    warning = objective.ended({"objective": 1.0})
    assert said in warning and "\n" not in warning and "hydra/sweeper/pruner=asha" in warning
    assert objective.ended({"objective": 1.0}) == ""
    assert (
        ReportedObjective(read_objective(name, "minimize"), "none").ended({"objective": 1.0}) == ""
    )


def reporting(returned: Mapping[str, float], *names: str, longer: int = 0) -> Script:
    """Report 10 * trial + step as ``names`` in 3 + longer * trial steps; return ``returned``."""

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        for step in range(1, 4 + longer * assignment.trial):
            reply = yield Reported(step, dict.fromkeys(names, 10.0 * assignment.trial + step))
            if reply is not ReportReply.CONTINUE:
                state = State.PRUNED if reply is ReportReply.PRUNE else State.INTERRUPTED
                yield Outcome(state, {}, 0.1)
                return
        yield Outcome(State.COMPLETE, returned, 0.1)

    return script


PRUNER = {"pruner": ThresholdPruner(upper=15.0), "n_trials": 4, "n_jobs": 1}


def test_a_bare_number_is_the_named_objective_under_its_name(bench: Bench) -> None:
    study, _ = bench.sweep(reporting({"objective": 0.5}, "loss", "acc"), **PRUNER)
    states = [row.state for row in study.rows()]
    assert states == ["complete", "complete", "pruned", "pruned"]
    assert study.row(1).values == (0.5,)
    (first, *_) = bench.record.runs({schema.TRIAL: "0"})
    assert bench.metrics(first.run_id) == {"loss": 0.5, "acc": 3.0}


def test_the_last_report_stands_in(bench: Bench) -> None:
    study, _ = bench.sweep(reporting({"seconds": 9.0}, "loss"), n_trials=2, n_jobs=1)
    assert [row.values for row in study.rows()] == [(3.0,), (13.0,)]


def test_a_task_that_reports_something_else_than_it_returns_is_right(bench: Bench) -> None:
    study, _ = bench.sweep(reporting({"loss": 0.5}, "train_loss"), **PRUNER)
    assert {row.state for row in study.rows()} == {"complete"}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_result_without_the_objective_ends_the_sweep_and_costs_no_trial(
    n_jobs: int, bench: Bench
) -> None:
    """A trial that runs at the same time is not lost, either."""
    long = reporting({"acc": 0.5}, "val_loss", longer=2)
    driver, study, _ = bench.driver(long, n_trials=9, n_jobs=n_jobs)
    with pytest.raises(ConfigError, match="returned acc, but not the objective loss"):
        driver.run()
    assert [row.state for row in study.rows()] == ["running"] * n_jobs and study.is_unjudged
    lacks = reporting({"acc": 0.5}, "val_loss")
    study, _ = bench.sweep(lacks, n_trials=2, objective="val_loss")
    assert [row.values for row in study.rows()] == [(3.0,), (13.0,)]
    driver, study, _ = bench.driver(lacks, n_trials=4, max_failure_rate=0.5, n_jobs=1)
    driver.run()  # other trials had the objective: only those without it fail
    assert [row.state for row in study.rows()][2:] == ["failed", "failed"]


def test_earlier_trials_do_not_vouch_for_the_name_of_a_new_constraint(bench: Bench) -> None:
    """Misspelled on a resume, it ends the sweep after one further trial."""
    script = reporting({"loss": 0.5, "size": 3.0}, "loss")
    bench.sweep(script, n_trials=3, n_jobs=1)
    resumed = {"n_trials": 9, "n_jobs": 1}
    driver, study, _ = bench.driver(script, constraints={"sise": "<= 4"}, **resumed)
    with pytest.raises(ConfigError, match="but not the constrained metric sise"):
        driver.run()
    assert [row.state for row in study.rows()] == [*["complete"] * 3, "running"]
    study, _ = bench.sweep(script, constraints={"size": "<= 4"}, **resumed)
    assert [row.state for row in study.rows()] == ["complete"] * 9


def lacking_in(lacks: int, last: int) -> Script:
    """Trial ``lacks`` returns no ``loss``; trial ``last`` reports longer and ends last."""

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        is_it, is_last = assignment.trial == lacks, assignment.trial == last
        returned = {"acc": 0.5} if is_it else {"acc": 0.5, "loss": 0.5}
        for step in range(9 if is_last else 1):
            if (yield Reported(step, {"acc": 0.1})) is ReportReply.INTERRUPT:
                yield Outcome(State.INTERRUPTED, {}, 0.1)
                return
        yield Outcome(State.COMPLETE, returned, 0.1)

    return script


@pytest.mark.parametrize(
    "options",
    [
        {"max_failure_rate": 0.5},
        {"max_failure_rate": 1.0},
        {"objective": "acc", "constraints": {"loss": "<= 1"}},
    ],
)
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("lacks", [0, 1])
def test_a_trial_that_alone_lacks_the_objective_has_failed_whichever_ends_first(
    lacks: int, last: int, options: dict[str, Any], bench: Bench
) -> None:
    study, pool = bench.sweep(lacking_in(lacks, last), n_trials=5, n_jobs=2, **options)
    expected = ["complete"] * 5
    expected[lacks] = "failed"
    assert [row.state for row in study.rows()] == expected
    assert "returned acc, but not the " in study.row(lacks).notes["error"]
    assert [assignment.attempt for assignment in pool.assigned] == [1] * 5
    (run,) = bench.record.runs({schema.TRIAL: str(lacks)})
    assert run.status == "FAILED" and bench.metrics(run.run_id)["acc"] == 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "the objective loss is None, which is no number"),
        (
            {"objective": "acc", "constraints": {"loss": "<= 1"}},
            "the constrained metric loss is None, which is no number",
        ),
    ],
)
def test_what_is_judged_and_is_no_number_is_a_failed_trial(
    options: dict[str, Any], said: str, bench: Bench
) -> None:
    def script(assignment: Assignment) -> Iterator[FromWorker]:
        lacks: dict[str, Any] = {"returned": {"acc": 0.5}, "left_out": {"loss": "None"}}
        has = {"returned": {"acc": 0.5, "loss": 0.5}}
        yield Outcome(State.COMPLETE, seconds=0.1, **(has if assignment.trial else lacks))

    study, _ = bench.sweep(script, n_trials=5, n_jobs=1, **options)
    assert [row.state for row in study.rows()] == ["failed", *["complete"] * 4]
    assert study.row(0).notes["error"] == said


def test_what_waits_for_others_waits_for_their_next_attempt(bench: Bench) -> None:
    def dies_first(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 0 and assignment.attempt == 1:
            yield Reported(0, {"acc": 0.1})
            yield Reported(1, {"acc": 0.1})
            yield WorkerExited("killed by SIGKILL")
        else:
            yield from lacking_in(1, 0)(assignment)

    study, pool = bench.sweep(dies_first, n_trials=5, n_jobs=2)
    assert [row.state for row in study.rows()] == ["complete", "failed", *["complete"] * 3]
    assert [assignment.trial for assignment in pool.assigned] == [0, 1, 0, 2, 3, 4]


def test_workers_that_have_exited_meanwhile_are_there_again_afterwards(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.0)

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 1:
            yield Outcome(State.COMPLETE, {"acc": 0.5}, 0.1, is_last=True)
        else:
            yield from lacking_in(1, 0)(assignment)

    _, pool = bench.sweep(script, n_trials=5, n_jobs=2)
    assert sorted(pool.started) == [0, 1, 1]


def test_what_waits_is_unfinished_where_the_sweep_is_interrupted(bench: Bench) -> None:
    driver, study, _ = bench.driver(lacking_in(1, 0), n_trials=5, n_jobs=2)
    end = driver.trials.end

    def interrupted_at_an_end(worker: int, job: Job, outcome: Outcome) -> None:
        end(worker, job, outcome)
        driver.supervisor.stop("Ctrl-C")

    driver.trials.end = interrupted_at_an_end  # type: ignore[method-assign]
    driver.run()
    assert [row.state for row in study.rows()] == ["running"] * 2
    bench.record.flush()
    runs = bench.record.runs({schema.STATE: State.INTERRUPTED})
    assert {run.tags[schema.TRIAL]: run.status for run in runs} == {"0": "KILLED", "1": "KILLED"}
    study, _ = bench.sweep(lacking_in(1, 0), n_trials=5, n_jobs=2)
    assert [row.state for row in study.rows()] == ["complete", "failed", *["complete"] * 3]


def test_where_all_may_fail_they_fail_at_their_first_report(bench: Bench) -> None:
    lacks = reporting({"acc": 0.5}, "val_loss")
    driver, study, pool = bench.driver(lacks, n_trials=4, max_failure_rate=1.0, n_jobs=1)
    with pytest.raises(SweepFailed, match="all 4 trials failed"):
        driver.run()
    assert [row.state for row in study.rows()] == ["failed"] * 4
    assert len(pool.replies) == 3 + 1 + 1 + 1
    assert "not the objective loss" in study.row(3).notes["error"]


def test_the_objective_may_change_until_something_has_been_judged(root: Path) -> None:
    arguments = ("x=interval(-2,2)", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1")
    done = run("stepping", *arguments, "hydra.sweeper.objective=los", folder=root.parent)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("besom:")]
    assert "loss, accuracy, but not the objective los" in lines[0], done.stderr
    other = ("hydra.sweeper.objective=accuracy", "hydra.sweeper.direction=maximize")
    done = run("stepping", *arguments, *other, folder=root.parent)
    assert done.returncode == 0, done.stderr
    found = audit(root, "stepping")
    assert found.states() == {"COMPLETE": 3}
    for trial in found.trials:
        accuracy = 1 - trial.params["x"] ** 2
        assert trial.value == pytest.approx(accuracy)
        assert found.metrics[trial.user_attrs["besom.run_id"]]["accuracy"] == trial.value
    own = [run_id for run_id, tags in found.tags.items() if tags[schema.ROLE] == "sweep"]
    assert sorted(found.statuses[run_id] for run_id in own) == ["FINISHED", "KILLED"]
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    params = [client.get_run(run_id).data.params for run_id in own]
    assert {(one["objective"], one["direction"]) for one in params} == {
        ("los", "minimize"),
        ("accuracy", "maximize"),
    }
    done = run("stepping", *arguments, "hydra.sweeper.objective=loss", folder=root.parent)
    assert done.returncode == 2 and "objective: accuracy → loss" in done.stderr
