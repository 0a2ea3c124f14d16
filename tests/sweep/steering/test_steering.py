"""Requests to a running sweep are done once, answered and kept; the workers are scripted."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from besom.common.states import State
from besom.search.algorithms.options import GridSampler
from besom.search.options import StopOptions
from besom.search.trial_row import ENQUEUED
from besom.search.warm_start.imported_trials import bring_in
from besom.sweep.steering.requests import (
    ENQUEUE,
    SET,
    STOP,
    STOP_TRIAL,
    forget_answers,
    steering_folder,
)
from besom.workers.messages import Assignment, FromWorker, Outcome, Reported, ReportReply
from tests.sweep.conftest import Bench, Driver, completes
from tests.sweep.test_warm_start import known


def put(bench: Bench, kind: str, to: str = "this one", name: str = "1", **arguments: Any) -> None:
    """Write a request file as a command does."""
    request = {"id": name, "kind": kind, "to": to, "arguments": arguments}
    Path(steering_folder(bench.root, "bench"), f"{name}.request").write_text(json.dumps(request))


def answer(bench: Bench, name: str = "1") -> tuple[bool, str]:
    """Remove and return a request's answer; assert that no other file of requests is left."""
    folder = steering_folder(bench.root, "bench")
    (found,) = (path for path in folder.iterdir() if path.suffix != ".json")
    assert found.name == f"{name}.answer"
    said = json.loads(found.read_text())
    found.unlink()
    return said["is_applied"], said["text"]


def looks(driver: Driver) -> None:
    """Make the supervisor look for requests at the next event, without its usual pause."""
    driver.supervisor._looks_again = 0.0


def enqueued(driver: Driver) -> list[int]:
    return [row.number for row in driver.sweep.study.rows() if "enqueued" in row.notes]


def test_an_enqueued_point_is_tried_once_also_after_a_kill(bench: Bench) -> None:
    driver, study, _ = bench.driver(completes, n_trials=6, n_jobs=1)
    put(bench, ENQUEUE, words=["x=0.125"])
    driver.run()
    assert answer(bench) == (True, "x=0.125 is trial 1, before those of the sampler")
    assert enqueued(driver) == [1] and study.row(1).params == {"x": 0.125}
    # As if the supervisor was killed before it removed the file: the next one only answers.
    put(bench, ENQUEUE, words=["x=0.125"])
    folder = steering_folder(bench.root, "bench")
    (folder / "1.request").rename(folder / "1.taken")
    driver, _, pool = bench.driver(completes, n_trials=8, n_jobs=1)
    driver.run()
    assert answer(bench) == (True, "x=0.125 is trial 1, before those of the sampler")
    assert enqueued(driver) == [1] and [a.trial for a in pool.assigned] == [6, 7]


def test_what_a_killed_supervisor_had_taken_is_done_by_the_next(bench: Bench) -> None:
    bench.sweep(n_trials=1)
    put(bench, ENQUEUE, words=["x=0.25"])
    folder = steering_folder(bench.root, "bench")
    (folder / "1.request").rename(folder / "1.taken")
    driver, *_ = bench.driver(completes, n_trials=4)
    driver.run()
    assert answer(bench)[0]
    assert [driver.sweep.study.row(number).params["x"] for number in enqueued(driver)] == [0.25]


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        (ENQUEUE, {"words": ["x=7"]}, r"bench: x=7 is outside -1…1"),
        (ENQUEUE, {"words": ["units=7"]}, r"bench: units is not searched; there are x"),
        (ENQUEUE, {"words": ["x=choice(0,1)"]}, r"`x=choice\(0,1\)` is no value to try"),
        (ENQUEUE, {"words": ["~x"]}, r"`~x` is no value to try"),
        (ENQUEUE, {"words": ["x=["]}, r"`x=\[` cannot be read as KEY=VALUE"),
        (STOP_TRIAL, {"trial": 99}, r"study bench has no trial 99"),
        (STOP, {}, r"the sweep that this was meant for has ended"),
        ("other", {}, r"this Besom knows no `other`"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    kind: str, arguments: dict[str, Any], said: str, bench: Bench
) -> None:
    driver, study, _ = bench.driver(completes, n_trials=3)
    put(bench, kind, to="another", **arguments)
    driver.run()
    is_applied, text = answer(bench)
    assert not is_applied

    assert re.search(said, text), text
    assert study.recall("requests") is None
    assert [row.state for row in study.rows()] == ["complete"] * 3


def test_no_point_is_enqueued_where_no_trial_is_to_come(bench: Bench) -> None:
    driver, *_ = bench.driver(completes, n_trials=2, n_jobs=1)
    put(bench, ENQUEUE, name="1", words=["x=0.1"])
    put(bench, ENQUEUE, name="2", words=["x=0.2"])
    driver.run()
    folder = steering_folder(bench.root, "bench")
    said = json.loads((folder / "2.answer").read_text())
    assert not said["is_applied"]
    assert "allow more with: besom set bench n_trials=3 --root " in said["text"]
    assert enqueued(driver) == [1]


def test_a_point_of_a_grid_is_not_tried_twice(bench: Bench) -> None:
    grid: dict[str, Any] = {"sampler": GridSampler(), "space": "x=choice(0.5,1.0,2.0)"}
    driver, study, _ = bench.driver(completes, n_trials=9, n_jobs=1, **grid)
    put(bench, ENQUEUE, words=["x=2.0"])
    driver.run()
    assert answer(bench)[0]
    assert Counter(row.params["x"] for row in study.rows()) == {0.5: 1, 1.0: 1, 2.0: 1}


def test_a_rule_that_holds_takes_no_more(bench: Bench) -> None:
    def slow(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 1:
            looks(driver)
            put(bench, SET, n_trials=60)
            yield Reported(1, {"loss": 1.0})
        yield from completes(assignment)

    driver, *_ = bench.driver(slow, n_trials=9, n_jobs=2, stop=StopOptions(target=0.3))
    driver.run()
    assert answer(bench)[1].startswith("no more trials are started (hydra.sweeper.stop.target=0.3")


@pytest.mark.parametrize(("n_trials", "n_done"), [(9, 9), (4, 4), (1, 3)])
def test_more_or_fewer_trials_also_on_a_resume(bench: Bench, n_trials: int, n_done: int) -> None:
    """If more trials have begun than ``n_trials`` asks for, it is raised to their number."""

    def asks(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 2:
            put(bench, SET, n_trials=n_trials)
            looks(driver)
        yield from completes(assignment)

    driver, study, _ = bench.driver(asks, n_trials=6, n_jobs=1)
    driver.run()
    assert len(study.rows()) == n_done
    assert answer(bench)[1].startswith(f"n_trials={n_done}: ")
    assert driver.trials.count.n_all == n_done
    same, study, pool = bench.driver(completes, n_trials=6, n_jobs=1)
    same.run()
    assert len(study.rows()) == n_done and pool.assigned == []
    assert "as besom set has it" in same.sweep.plan.remarks[-1]
    other, study, _ = bench.driver(completes, n_trials=11, n_jobs=1)  # the command asks for more
    other.run()
    assert len(study.rows()) == 11
    before, study, _ = bench.driver(completes, n_trials=6, n_jobs=1)
    assert before.sweep.plan.options.n_trials == 6


def test_more_workers_are_started_and_one_too_many_ends_between_two_trials(bench: Bench) -> None:
    def asks(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial in (2, 8):
            n_jobs = 3 if assignment.trial == 2 else 1
            put(bench, SET, name=str(assignment.trial), n_jobs=n_jobs)
            looks(driver)
        yield Reported(1, {"loss": 1.0})
        at.append(dict(driver.supervisor.jobs))
        yield from completes(assignment)

    at: list[dict[int, Any]] = []
    driver, study, pool = bench.driver(asks, n_trials=20, n_jobs=2)
    driver.run()
    assert [row.state for row in study.rows()] == ["complete"] * 20
    assert sorted(pool.started) == [0, 1, 2]
    assert max(map(len, at)) == 3 and all(jobs.keys() == {0} for jobs in at[-8:])
    assert Counter(a.attempt for a in pool.assigned) == {1: 20}  # no attempt was lost


def test_a_trial_is_stopped_as_pruned_also_when_it_is_tried_again(bench: Bench) -> None:
    def reports(assignment: Assignment) -> Iterator[FromWorker]:
        for step in range(1, 4):
            if assignment.trial == 2 and step == 1 and asks:
                put(bench, STOP_TRIAL, trial=2)
                looks(driver)
            reply = yield Reported(step, {"loss": 1.0})  # type: ignore[misc]
            if reply is not ReportReply.CONTINUE:
                state = State.PRUNED if reply is ReportReply.PRUNE else State.INTERRUPTED
                yield Outcome(state, {}, 0.1)
                return
        yield from completes(assignment)

    asks = True
    driver, study, _ = bench.driver(reports, n_trials=4, n_jobs=1)
    driver.run()
    assert answer(bench) == (True, "trial 2 is pruned at its next report")
    assert [row.state for row in study.rows()] == ["complete", "complete", "pruned", "complete"]

    asks = False
    driver, study, _ = bench.driver(reports, n_trials=6, n_jobs=1)
    row = study.ask(driver.sweep.plan.space.distributions)
    study.note(row.number, role="trial", stopped=True)  # as if its supervisor was killed
    driver, study, _ = bench.driver(reports, n_trials=6, n_jobs=1)
    driver.run()
    assert study.row(row.number).state == "pruned"


def test_a_trial_that_has_ended_is_not_stopped(bench: Bench) -> None:
    bench.sweep(n_trials=2)
    driver, *_ = bench.driver(completes, n_trials=4)
    put(bench, STOP_TRIAL, trial=1)
    driver.run()
    assert answer(bench) == (False, "trial 1 of bench has ended: it is complete")


def test_a_trial_of_another_study_is_not_stopped(bench: Bench) -> None:
    bring_in(bench.study(), known((0.125, 1.0), (0.75, 2.0)))
    bench.sweep(n_trials=3)
    driver, *_ = bench.driver(completes, n_trials=4)
    put(bench, STOP_TRIAL, trial=1)
    driver.run()
    assert answer(bench) == (False, "study bench has no trial 1; it has 0, 3 to 4")


def test_a_sweep_is_stopped_and_its_trials_go_on_later(bench: Bench) -> None:
    def reports(assignment: Assignment) -> Iterator[FromWorker]:
        if assignment.trial == 2 and asks:
            put(bench, STOP)
            looks(driver)
        reply = yield Reported(1, {"loss": 1.0})  # type: ignore[misc]
        reply = yield Reported(2, {"loss": 1.0})  # type: ignore[misc]
        if reply is ReportReply.INTERRUPT:
            yield Outcome(State.INTERRUPTED, {}, 0.1)
        else:
            yield from completes(assignment)

    asks = True
    driver, study, _ = bench.driver(reports, n_trials=9, n_jobs=1)
    driver.run()
    assert answer(bench)[1].startswith("1 trial stops at the next report")
    assert driver.supervisor.stopped_by == "besom stop"
    assert [row.state for row in study.rows()] == ["complete", "complete", "running"]
    asks = False
    bench.sweep(reports, n_trials=9, n_jobs=1)
    assert [row.state for row in study.rows()][:2] == ["complete", "complete"]


def test_what_no_command_has_written_ends_nothing(bench: Bench) -> None:
    driver, study, _ = bench.driver(completes, n_trials=2)
    folder = steering_folder(bench.root, "bench")
    for name, text in (("1.request", "{"), ("2.request", '{"id": 1}'), ("3.taken", "[]")):
        (folder / name).write_text(text)
    driver.run()
    assert len(study.rows()) == 2
    assert {path.name for path in folder.iterdir()} == {"supervisor.json"}


def test_files_of_commands_may_go_while_they_are_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command may remove its answer while the supervisor looks at the file."""
    folder = steering_folder(bench.root, "bench")
    folder.mkdir(parents=True)
    for name in ("1.answer", "2.request.partial", "3.answer", "4.withdrawn", "5.answer"):
        (folder / name).touch()
    for name in ("3.answer", "4.withdrawn"):
        os.utime(folder / name, (0, 0))
    stat = Path.stat

    def gone(path: Path, **options: bool) -> os.stat_result:
        if path.name == "1.answer":
            path.unlink()
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", gone)
    forget_answers(folder)
    monkeypatch.undo()
    assert {path.name for path in folder.iterdir()} == {"2.request.partial", "5.answer"}


def test_an_enqueued_trial_bears_its_point_from_its_first_moment(bench: Bench) -> None:
    study = bench.study(n_trials=5)
    assert study.enqueue_once([{"x": 0.1}, {"x": 0.2}]) == [1, 2]  # trial 0 is the baseline
    assert study.enqueue_once([{"x": 0.2}, {"x": 0.3}]) == [2, 3]
    assert study.n_waiting == 4
    assert [ENQUEUED in trial.user_attrs for trial in study.storage.everything()][1:] == [True] * 3
