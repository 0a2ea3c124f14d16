"""A trial's life cycle and everything that can interrupt it, with scripted workers."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from besom.app.hooks import Hooks
from besom.common.errors import DataError, StudyError, SweepFailed
from besom.common.states import State
from besom.search.algorithms.options import AshaPruner, GridSampler, ThresholdPruner
from besom.sweep.trials import TrialJobs
from besom.tracking import schema
from besom.tracking.reader import open_reader
from besom.tracking.record import connect
from besom.workers.messages import (
    Assignment,
    Composed,
    Event,
    FromWorker,
    Outcome,
    Reported,
    ReportReply,
    Told,
    WorkerExited,
)
from tests.sweep.conftest import Bench, completes

BEGUN = Composed({"x": 1.0}, "x: 1.0\n", ("x=1.0",), Path("job"))


def test_trial_zero_is_the_baseline_and_every_trial_has_one_run(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=5)
    rows = study.rows()
    assert [row.state for row in rows] == ["complete"] * 5
    assert rows[0].params == {"x": 0.5} and rows[0].is_baseline
    assert [row.values[0] for row in rows] == pytest.approx([row.params["x"] ** 2 for row in rows])
    runs = bench.record.runs({schema.STUDY: "bench", schema.STATE: "complete"})
    assert {run.run_id for run in runs} == {row.notes["run_id"] for row in rows}
    assert {run.status for run in runs} == {"FINISHED"}


def test_a_resume_does_what_remains(bench: Bench) -> None:
    bench.sweep(n_trials=3)
    study, pool = bench.sweep(n_trials=5)
    assert [assignment.trial for assignment in pool.assigned] == [3, 4]
    assert len({row.params["x"] for row in study.rows()}) == 5
    _, pool = bench.sweep(n_trials=5)
    assert pool.started == []


def test_a_dead_workers_trial_is_tried_again(bench: Bench) -> None:
    def dies_first(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 1 and assignment.attempt < 3:
            yield BEGUN
            yield Told("log", ({"seen": 1.0},))
            yield WorkerExited("killed by SIGKILL")
        else:
            yield from completes(assignment)

    study, pool = bench.sweep(dies_first, n_trials=4)
    assert [row.state for row in study.rows()] == ["complete"] * 4
    assert Counter(a.trial for a in pool.assigned) == {0: 1, 1: 3, 2: 1, 3: 1}
    assert study.row(1).notes["attempt"] == 3
    dead = bench.record.runs({schema.STUDY: "bench", schema.STATE: "dead"})
    assert {(run.status, run.tags[schema.TRIAL]) for run in dead} == {("KILLED", "1")}
    assert sorted(run.tags[schema.ATTEMPT] for run in dead) == ["1", "2"]


def test_a_worker_that_takes_no_further_job_is_replaced_between_two_trials(bench: Bench) -> None:
    def over_the_memory_limit(assignment: Assignment) -> Iterator[FromWorker]:
        yield BEGUN
        yield Outcome(State.COMPLETE, {"loss": 1.0}, 0.1, is_last=True)

    _, pool = bench.sweep(over_the_memory_limit, n_trials=8, n_jobs=1)
    assert [assignment.attempt for assignment in pool.assigned] == [1] * 8
    assert pool.started == [0] * 8


def test_no_value_of_other_data_than_the_first_trials_counts(bench: Bench) -> None:
    """Data that change while a sweep runs end it; once they are restored, it can be resumed."""
    digest = ["a" * 64]

    def changes(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 2:
            digest[0] = "b" * 64
        yield from completes(assignment)

    hooks = Hooks(identity=lambda config: {"data": digest[0]})
    driver, study, _ = bench.driver(changes, n_trials=6, n_jobs=1, hooks=hooks)
    with pytest.raises(StudyError, match=r"identity of data: a{12}… → b{12}…\)") as error:
        driver.run()
    assert str(error.value).count("\n") == 1
    states = [row.state for row in study.rows()]
    assert states[:2] == ["complete"] * 2 and set(states[2:]) == {"running"}
    digest[0] = "a" * 64
    study, pool = bench.sweep(n_trials=6, hooks=hooks)
    assert [row.state for row in study.rows()] == ["complete"] * 6
    assert not {0, 1} & {assignment.trial for assignment in pool.assigned}


def test_data_that_are_gone_end_the_sweep(bench: Bench) -> None:
    there = [True]

    def identity(config: object) -> dict[str, str]:
        if not there[0]:
            raise DataError("`data.path=x.csv` is no file")
        return {"data": "a"}

    def removes(assignment: Assignment) -> Iterator[FromWorker]:
        there[0] = assignment.trial < 2
        yield Outcome(State.FAILED, {}, 0.1, "`data.path=x.csv` is no file")

    driver, study, _ = bench.driver(removes, n_trials=9, hooks=Hooks(identity=identity))
    with pytest.raises(StudyError, match="is no file"):
        driver.run()
    assert Counter(row.state for row in study.rows())["failed"] <= 2


def test_a_poisonous_trial_fails_after_max_attempts(bench: Bench) -> None:
    def dies(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 1:
            yield BEGUN
            yield WorkerExited("killed by SIGSEGV")
        else:
            yield from completes(assignment)

    study, pool = bench.sweep(dies, n_trials=6, max_attempts=2)
    assert study.row(1).state == "failed"
    assert "SIGSEGV" in study.row(1).notes["error"]
    assert sum(a.trial == 1 for a in pool.assigned) == 2
    (run,) = bench.record.runs({schema.STUDY: "bench", schema.STATE: "failed"})
    assert run.status == "FAILED" and run.run_id == study.row(1).notes["run_id"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_fails_the_trial_and_not_the_sweep(bench: Bench, value: float) -> None:
    def breaks(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 2:
            yield Outcome(State.COMPLETE, {"loss": value}, 0.1)
        else:
            yield from completes(assignment)

    study, _ = bench.sweep(breaks, n_trials=6)
    assert Counter(row.state for row in study.rows()) == {"complete": 5, "failed": 1}
    assert str(value) in study.row(2).notes["error"]


def test_too_many_failures_end_the_sweep(bench: Bench) -> None:
    def fails(assignment: Assignment) -> Iterator[FromWorker]:
        yield Outcome(State.FAILED, {}, 0.1, error="ValueError: no", traceback="Traceback …")

    driver, study, _ = bench.driver(fails, n_trials=20, max_failure_rate=0.2, n_jobs=1)
    with pytest.raises(SweepFailed, match="ValueError: no"):
        driver.run()
    assert Counter(row.state for row in study.rows()) == {"failed": 5}
    assert study.row(0).notes["traceback"] == "Traceback …"


def test_a_sweep_of_failures_alone_has_failed_whatever_is_allowed(bench: Bench) -> None:
    def fails(assignment: Assignment) -> Iterator[FromWorker]:
        yield Outcome(State.FAILED, {}, 0.1, error="ValueError: no")

    for _ in ("first", "again, when nothing is left to do"):
        driver, study, _ = bench.driver(fails, n_trials=3, max_failure_rate=1.0, n_jobs=2)
        with pytest.raises(SweepFailed, match="all 3 trials failed"):
            driver.run()
        assert len(study.rows()) == 3
    for row in bench.study().rows():  # though no worker sent its configuration
        run = MlflowClient(bench.record.uri).get_run(row.notes["run_id"])
        assert run.data.params == {"x": str(row.params["x"])}


def test_the_pruner_ends_a_trial_and_the_worker_is_told(bench: Bench) -> None:
    def reports(assignment: Assignment) -> Iterator[FromWorker]:
        for step in (1, 2, 3):
            reply = yield Reported(step, {"loss": 10.0 * assignment.trial, "other": 0.0})
            if reply is ReportReply.PRUNE:
                yield Outcome(State.PRUNED, {}, 0.1)
                return
        yield Outcome(State.COMPLETE, {"loss": 10.0 * assignment.trial}, 0.1)

    study, pool = bench.sweep(reports, n_trials=4, pruner=ThresholdPruner(upper=15.0))
    assert [row.state for row in study.rows()] == ["complete", "complete", "pruned", "pruned"]
    assert pool.replies.count(ReportReply.PRUNE) == 2
    pruned = bench.record.runs({schema.STUDY: "bench", schema.STATE: "pruned"})
    assert {run.status for run in pruned} == {"FINISHED"} and len(pruned) == 2


def test_a_second_attempt_is_not_judged_where_the_first_has_passed(bench: Bench) -> None:
    def dies_once(assignment: Assignment) -> Iterator[FromWorker]:
        for step in (1, 2):
            reply = yield Reported(step, {"loss": 1.0 if assignment.attempt == 1 else 99.0})
            assert reply is ReportReply.CONTINUE
        if assignment.attempt == 1:
            yield WorkerExited("killed by SIGKILL")
            return
        reply = yield Reported(3, {"loss": 99.0})
        assert reply is ReportReply.PRUNE
        yield Outcome(State.PRUNED, {}, 0.1)

    study, _ = bench.sweep(dies_once, n_trials=1, pruner=ThresholdPruner(upper=15.0))
    assert study.row(0).state == "pruned"


def test_stopping_interrupts_and_a_resume_finishes(bench: Bench) -> None:
    def reports(assignment: Assignment) -> Iterator[FromWorker]:
        reply = yield Reported(1, {"loss": 1.0})
        if reply is ReportReply.INTERRUPT:
            yield Outcome(State.INTERRUPTED, {}, 0.1)
        else:
            yield from completes(assignment)

    driver, study, pool = bench.driver(reports, n_trials=6, n_jobs=2)

    def stop_at_second(assignment: Assignment) -> Iterator[FromWorker]:
        driver.supervisor.stopping = assignment.trial == 2
        return reports(assignment)

    pool.script = stop_at_second
    driver.run()
    states = Counter(row.state for row in study.rows())
    assert states["running"] >= 1 and sum(states.values()) < 6
    interrupted = bench.record.runs({schema.STUDY: "bench", schema.STATE: "interrupted"})
    assert len(interrupted) == states["running"]

    study, _ = bench.sweep(reports, n_trials=6)
    assert [row.state for row in study.rows()] == ["complete"] * 6


def test_a_repeat_is_not_trained_again(bench: Bench) -> None:
    def described(assignment: Assignment) -> Iterator[FromWorker]:
        yield BEGUN
        yield from completes(assignment)

    study, pool = bench.sweep(described, n_trials=12, space="x=choice(0.5,0.25)", n_jobs=3)
    assert len(pool.assigned) == 2
    assert [row.state for row in study.rows()] == ["complete"] * 12
    reused = [row for row in study.rows() if "reused" in row.notes]
    assert len(reused) == 10
    for row in reused:
        assert row.values == study.row(row.notes["reused"]).values
    client = MlflowClient(bench.record.uri)
    for row in study.rows():
        run_id = row.notes["run_id"]
        assert float(client.get_run(run_id).data.params["x"]) == 1.0
        assert open_reader(bench.root, None).text(run_id, schema.CONFIG_FILE) == BEGUN.config


def test_repeats_are_trained_where_the_user_wants_them(bench: Bench) -> None:
    _, pool = bench.sweep(n_trials=6, space="x=choice(0.5,0.25)", duplicates="rerun")
    assert len(pool.assigned) == 6


def test_a_grid_visits_every_point_once(bench: Bench) -> None:
    study, pool = bench.sweep(
        n_trials=100, space="x=range(0,1,step=0.25)", sampler=GridSampler(seed=3)
    )
    assert sorted(row.params["x"] for row in study.rows() if "reused" not in row.notes) == [
        0,
        0.25,
        0.5,
        0.75,
    ]
    assert len(pool.assigned) == 4


def test_no_new_trial_starts_after_the_timeout(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=50, timeout=1e-9)
    assert study.rows() == []


def test_several_objectives_give_a_pareto_front(bench: Bench) -> None:
    def trades(assignment: Assignment) -> Iterator[FromWorker]:
        x = float(assignment.overrides[-1].partition("=")[2])
        yield Outcome(State.COMPLETE, {"loss": x * x, "gain": x}, 0.1)

    study, _ = bench.sweep(
        trades, n_trials=8, objective=["loss", "gain"], direction=["minimize", "maximize"]
    )
    front = {row.number for row in study.best()}
    for row in study.rows():
        loss, gain = row.values
        beaten = any(o.values[0] < loss and o.values[1] > gain for o in study.rows())
        assert (row.number in front) is not beaten


def test_asha_prunes_most_of_the_worse(bench: Bench) -> None:
    def descends(assignment: Assignment) -> Iterator[FromWorker]:
        x = float(assignment.overrides[-1].partition("=")[2])
        for step in range(1, 10):
            reply = yield Reported(step, {"loss": x * x + 1 / step})
            if reply is ReportReply.PRUNE:
                yield Outcome(State.PRUNED, {}, 0.1)
                return
        yield Outcome(State.COMPLETE, {"loss": x * x}, 0.1)

    study, _ = bench.sweep(descends, n_trials=20, pruner=AshaPruner(reduction_factor=3))
    states = Counter(row.state for row in study.rows())
    assert states["pruned"] > states["complete"] > 0


def test_workers_that_never_begin_end_the_sweep(bench: Bench) -> None:
    def exits_at_start(assignment: Assignment) -> Iterator[FromWorker]:
        yield WorkerExited("ended with exit code 1")

    driver, study, _ = bench.driver(exits_at_start, n_trials=5)
    with pytest.raises(SweepFailed, match="does not start"):
        driver.run()
    driver.supervisor.abandon()
    bench.record.flush()
    assert bench.record.runs({schema.PARENT: driver.sweep.parent_run}, status="RUNNING") == []
    study, _ = bench.sweep(n_trials=5)
    assert [row.state for row in study.rows()] == ["complete"] * 5


def test_a_node_that_starts_no_worker_ends_no_sweep_that_goes_on_elsewhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One trial trains, while the other worker always exits before its task is called."""
    monkeypatch.setattr("besom.sweep.steering.failed_starts.LONGEST_PAUSE", 0.0)
    trained: list[int] = []

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 0:
            yield BEGUN
            for step in range(1, 101):
                yield Reported(step, {"loss": 1.0})
            trained.append(assignment.trial)
        elif not trained:
            yield WorkerExited("fails on a sick node")
            return
        yield from completes(assignment)

    driver, study, pool = bench.driver(script, n_trials=3, n_jobs=2)
    remarks: list[str] = []
    monkeypatch.setattr(driver.trials, "remark", remarks.append)
    driver.run()
    assert [row.state for row in study.rows()] == ["complete"] * 3
    assert len(pool.started) > 3 * 2
    (said,) = remarks
    assert said.startswith("worker 1 does not start: it fails on a sick node; the others go on")


def test_a_worker_that_does_not_start_is_not_started_again_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("besom.sweep.supervisor.LOOK_SECONDS", 0)

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 0:
            yield BEGUN
            for step in range(1, 11):
                yield Reported(step, {"loss": 1.0})
        elif assignment.attempt == 1:
            yield WorkerExited("fails on a sick node")
            return
        yield from completes(assignment)

    driver, study, pool = bench.driver(script, n_trials=2, n_jobs=2)
    driver.run()
    assert pool.started == [0, 1]  # worker 0 takes its trial over
    assert [row.state for row in study.rows()] == ["complete"] * 2


def test_a_worker_that_is_told_to_end_gets_no_further_trial(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome arrives just as the trial exceeds ``trial_timeout``."""
    monkeypatch.setattr("besom.sweep.supervisor.LOOK_SECONDS", 0)

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        yield BEGUN
        if assignment.trial != 0:
            yield from completes(assignment)

    driver, study, pool = bench.driver(script, n_trials=3, n_jobs=1, trial_timeout=0.1)
    end = pool.end

    def end_late(worker: int, cause: str) -> None:
        pool._events.append(Event(worker, Outcome(State.COMPLETE, {"loss": 1.0}, 0.1)))
        end(worker, cause)

    monkeypatch.setattr(pool, "end", end_late)
    driver.run()
    assert [assignment.trial for assignment in pool.assigned] == [0, 1, 2]
    assert [row.state for row in study.rows()] == ["complete"] * 3
    assert pool.started == [0, 0]


def test_a_trial_whose_worker_is_silent_before_its_task_fails_after_max_attempts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("besom.sweep.supervisor.LOOK_SECONDS", 0)

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial != 1:
            yield from completes(assignment)

    study, pool = bench.sweep(script, n_trials=6, n_jobs=1, max_attempts=2, hang_timeout=0.1)
    assert Counter(row.state for row in study.rows()) == {"complete": 5, "failed": 1}
    assert sum(assignment.trial == 1 for assignment in pool.assigned) == 2
    assert "said nothing" in study.row(1).notes["error"]


def test_a_proposal_that_was_cut_short_is_asked_for_to_the_end(bench: Bench) -> None:
    plan = bench.plan(space="x=interval(-1,1)")
    study = bench.study()
    study._study.ask()  # killed before the first parameter: the enqueued baseline, half asked
    study, _ = bench.sweep(n_trials=3)
    assert study.row(0).params == plan.baseline_params and study.row(0).is_baseline
    assert [row.state for row in study.rows()] == ["complete"] * 3


def test_a_death_before_the_role_is_noted_does_not_cost_the_baseline(bench: Bench) -> None:
    study = bench.study()
    study.ask(bench.plan().space.distributions, None)
    study, _ = bench.sweep(n_trials=2)
    assert study.row(0).is_baseline and study.row(0).state == "complete"


def test_last_words_of_another_study_are_not_believed(bench: Bench) -> None:
    study = bench.study()
    parent = bench.record.start_run("bench", {schema.ROLE: "sweep"})
    study.remember("run_id", parent)
    row = study.ask(bench.plan().space.distributions, None)
    stranger = bench.record.start_run("x", {schema.STUDY: "bench"}, parent)
    outcome = {"trial": row.number, "state": "complete", "values": [-99.0]}
    bench.record.prepare_end(stranger, "FINISHED", {}, outcome)
    bench.record.close()
    bench.record = connect(bench.root, None, "test")
    study, _ = bench.sweep(n_trials=1)
    assert study.row(0).values == (0.25,)
    (killed,) = bench.record.runs({schema.STATE: "lost"})
    assert killed.run_id == stranger and killed.status == "KILLED"


def test_a_resume_after_failures_may_do_better(bench: Bench) -> None:
    def fails(assignment: Assignment) -> Iterator[FromWorker]:
        yield Outcome(State.FAILED, {}, 0.1, error="ValueError: no")

    driver, study, _ = bench.driver(fails, n_trials=6, max_failure_rate=0.1, n_jobs=1)
    with pytest.raises(SweepFailed):
        driver.run()
    study, _ = bench.sweep(n_trials=6, max_failure_rate=0.1)
    assert Counter(row.state for row in study.rows()) == {"failed": 1, "complete": 5}


def test_a_death_before_the_trial_is_told_loses_nothing_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def descends(assignment: Assignment) -> Iterator[FromWorker]:
        for step in (1, 2, 3):
            yield Reported(step, {"loss": 1 / step})
        yield Outcome(State.COMPLETE, {"loss": 0.25}, seconds=12.5)

    driver, study, _ = bench.driver(descends, n_trials=1)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt  # the outcome is on disk, but not in the study

    monkeypatch.setattr(study, "tell", die)
    with pytest.raises(KeyboardInterrupt):
        driver.run()
    bench.record.close()
    bench.record = connect(bench.root, None, "test")
    study, pool = bench.sweep(descends, n_trials=1)
    assert pool.assigned == []
    assert study.row(0).values == (0.25,) and study.row(0).notes["seconds"] == 12.5
    assert study.reports(0) == {1: 1.0, 2: 1 / 2, 3: 1 / 3}


def test_a_killed_supervisors_reports_are_not_held_against_the_next_attempt(
    bench: Bench,
) -> None:
    def gets_stuck(assignment: Assignment) -> Iterator[FromWorker]:
        yield Reported(1, {"loss": 0.5})

    driver, study, pool = bench.driver(gets_stuck, n_trials=1, n_jobs=1)
    pool.start(0)
    for _ in range(2):
        event = pool.next_event(0)
        assert event
        driver.supervisor._handle(event, driver.trials, driver.progress)
        driver.supervisor._dispatch(driver.trials, driver.progress)
    assert study.reports(0) == {1: 0.5}
    bench.record.close()
    bench.record = connect(bench.root, None, "test")
    _, study, _ = bench.driver(completes, n_trials=1)
    assert study.row(0).state == "running" and study.reports(0) == {}


def test_an_open_run_of_an_ended_trial_is_closed_as_what_that_became(bench: Bench) -> None:
    """The run's log is lost, or the MLflow server has lost its last update."""
    study, _ = bench.sweep(n_trials=2)
    run_id = study.row(1).notes["run_id"]
    client = MlflowClient(bench.record.uri)
    client.update_run(run_id, status="RUNNING")
    stray = client.create_run(
        bench.record.experiment_id, tags={schema.PARENT: study.recall("run_id")}
    ).info.run_id
    bench.sweep(n_trials=2)
    assert client.get_run(run_id).info.status == "FINISHED"
    assert client.get_run(stray).info.status == "KILLED"


def test_a_worker_whose_words_are_still_unread_is_not_silent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor itself is slow: by its clock each worker exceeds ``hang_timeout``."""
    judge = TrialJobs.judge

    def slowly(*of: Any) -> Any:
        time.sleep(0.3)
        return judge(*of)

    monkeypatch.setattr("besom.sweep.supervisor.LOOK_SECONDS", 0)
    monkeypatch.setattr(TrialJobs, "judge", slowly)

    def reports(assignment: Assignment) -> Iterator[FromWorker]:
        yield Reported(1, {"loss": 1.0})
        yield from completes(assignment)

    study, pool = bench.sweep(reports, n_trials=4, n_jobs=2, hang_timeout=0.1)
    assert [row.state for row in study.rows()] == ["complete"] * 4
    assert len(pool.assigned) == 4
