"""What ends a sweep's trials (n_trials, a stop rule, a timeout), and how that is recorded."""

import time
from collections.abc import Iterator
from pathlib import Path

from besom.common.states import State
from besom.search.options import StopOptions
from besom.tracking import schema
from besom.workers.messages import Assignment, FromWorker, Outcome, Reported
from tests.sweep.apps import audit, run
from tests.sweep.conftest import Bench


def loses(assignment: Assignment) -> Iterator[FromWorker]:
    """Each trial has a larger loss than the one before."""
    yield Reported(1, {"loss": float(assignment.trial)})
    yield Outcome(State.COMPLETE, {"loss": float(assignment.trial)}, 0.1)


def test_a_rule_ends_the_trials_and_those_that_run_are_finished(bench: Bench) -> None:
    rule = StopOptions(no_improvement=4)
    driver, study, _ = bench.driver(loses, n_trials=30, n_jobs=3, stop=rule)
    driver.run()
    assert {row.state for row in study.rows()} == {"complete"}
    assert 5 <= len(study.rows()) <= 7
    assert driver.trials.ended_by().startswith("hydra.sweeper.stop.no_improvement=4: ")
    n_trials = len(study.rows())
    again, study, pool = bench.driver(loses, n_trials=30, n_jobs=3, stop=rule)
    again.run()
    assert len(study.rows()) == n_trials and pool.started == []
    without, study, _ = bench.driver(loses, n_trials=10, n_jobs=3)
    without.run()
    assert len(study.rows()) == 10
    assert without.trials.ended_by() == "hydra.sweeper.n_trials=10: all are done"


def test_values_of_other_code_reach_no_target(bench: Bench) -> None:
    stop = StopOptions(target=0.0)
    bench.sweep(loses, n_trials=1, stop=stop, code="1" * 64)
    _, pool = bench.sweep(loses, n_trials=3, stop=stop, code="2" * 64)
    assert [assignment.trial for assignment in pool.assigned] == [1, 2]


def test_a_timeout_is_named(bench: Bench) -> None:
    driver, *_ = bench.driver(loses, n_trials=5, timeout=1e-9)
    assert driver.trials.count.time_left.deadline <= time.monotonic(), "the time left knows it"
    driver.run()
    assert driver.trials.ended_by() == "hydra.sweeper.timeout=1e-09 s"


def test_what_ended_a_sweep_is_said_and_kept_and_its_confirmation_follows(root: Path) -> None:
    done = run(
        "noisy",
        *("x=choice(1.0,2.0,3.0,4.0)", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=4"),
        *("hydra.sweeper.objective=loss", "hydra.sweeper.stop.no_improvement=1"),
        *("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.confirm.seeds=2"),
        folder=root.parent,
    )
    assert done.returncode == 0, done.stderr
    rule = "hydra.sweeper.stop.no_improvement=1: 1 trial has ended since trial 0, the best"
    assert "  ends early after 1 trial without a better one\n" in done.stdout
    assert f"Ended by {rule}. The same command without that rule does the other 2" in done.stdout
    assert "over the same 2 seeds" in done.stdout
    found = audit(root, "noisy")
    assert found.states() == {"COMPLETE": 2}
    (own,) = (tags for tags in found.tags.values() if tags[schema.ROLE] == schema.Role.SWEEP)
    assert own[schema.ENDED_BY] == rule
    assert own[schema.STATE] == "finished"
