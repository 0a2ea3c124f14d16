"""What every kind of pool does: local, inline and Ray."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from besom.common.states import State
from besom.workers.messages import (
    Assignment,
    Composed,
    Expected,
    FromWorker,
    Outcome,
    Ready,
    Reported,
    ReportReply,
    Sending,
    Told,
    WorkerExited,
)
from besom.workers.pool import Pool, make_pool
from tests.workers.conftest import runner_in
from tests.workers.telling import tell

TIMEOUT = 120.0


@pytest.fixture(scope="module", params=["local", "inline", "ray"])
def pool(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pool]:
    """Yield a pool of two workers for all tests of this module. On Ray, it shares no files."""
    settings = None
    if request.param == "ray":
        settings = request.getfixturevalue("ray_nodes").settings
    with runner_in(tmp_path_factory.mktemp("pool"), tell) as runner:
        made = make_pool(runner, 2, Path("logs"), request.param, ray=settings)
        made.connect()
        made.start(0)
        assert heard(made) == Ready()
        yield made
        made.stop()


def heard(pool: Pool, worker: int = 0) -> FromWorker:
    """Return the next message other than ``Sending``; assert that it is this worker's."""
    message: FromWorker = Sending()
    while message == Sending():
        event = pool.next_event(TIMEOUT)
        assert event and event.worker == worker, event
        message = event.message
    return message


def begun(pool: Pool, *overrides: str, worker: int = 0) -> None:
    """Start a job and read its messages up to its first report, which waits for a reply."""
    pool.send(worker, Assignment(3, 1, overrides))
    assert isinstance(heard(pool, worker), Composed)
    assert heard(pool, worker) == Expected(2)
    assert heard(pool, worker) == Told("log", ({"parameters": 7.0},))
    assert heard(pool, worker) == Reported(1, {"loss": 1.0})


def test_a_job_is_heard_from_its_configuration_to_its_outcome(pool: Pool) -> None:
    pool.send(0, Assignment(3, 1, ("+x=0.5",)))
    composed = heard(pool)
    assert isinstance(composed, Composed)
    assert composed.params == {"x": 0.5} and composed.overrides == ("+x=0.5",)
    assert composed.folder == Path("jobs/3").absolute()
    assert heard(pool) == Expected(2)
    assert heard(pool) == Told("log", ({"parameters": 7.0},))
    for step in (1, 2):
        assert heard(pool) == Reported(step, {"loss": 1 / step})
        pool.send(0, ReportReply.CONTINUE)
    assert heard(pool) == Told("save", (composed.folder / "note.txt",))
    assert Path(composed.folder, "note.txt").read_text() == "seen"
    assert heard(pool) == Told("table", ("errors", [{"text": "dull"}]))
    outcome = heard(pool)
    assert isinstance(outcome, Outcome) and outcome.state is State.COMPLETE, outcome
    assert outcome.returned == {"loss": 0.5} and outcome.seconds > 0 and not outcome.is_last


@pytest.mark.parametrize(
    ("reply", "state"),
    [(ReportReply.PRUNE, State.PRUNED), (ReportReply.INTERRUPT, State.INTERRUPTED)],
)
def test_a_reply_ends_a_job(pool: Pool, reply: ReportReply, state: State) -> None:
    begun(pool, "+x=1")
    pool.send(0, reply)
    outcome = heard(pool)
    assert isinstance(outcome, Outcome) and outcome.state is state and not outcome.error


def test_a_failure_has_the_tasks_own_traceback(pool: Pool) -> None:
    begun(pool, "+x=2")
    pool.send(0, ReportReply.CONTINUE)
    assert heard(pool) == Reported(2, {"loss": 0.5})
    pool.send(0, ReportReply.CONTINUE)
    outcome = heard(pool)
    assert isinstance(outcome, Outcome) and outcome.state is State.FAILED
    assert outcome.error == "ValueError: x is above 1"
    assert "in tell" in outcome.traceback and "run_job" not in outcome.traceback


@pytest.mark.parametrize("attempt", [1, 2])
def test_overrides_that_do_not_compose_fail_the_job_alone(pool: Pool, attempt: int) -> None:
    pool.send(0, Assignment(3, attempt, ("absent=1",)))
    outcome = heard(pool)
    assert isinstance(outcome, Outcome) and outcome.state is State.FAILED and outcome.error


def test_an_ended_worker_has_a_successor(pool: Pool) -> None:
    """An ended worker sends nothing more; a running one is not started again."""
    begun(pool, "+x=1")
    pool.end(0, "took too long")
    pool.end(0, "once more")
    assert heard(pool) == WorkerExited("took too long")
    for _ in range(2):
        pool.start(0)
    assert heard(pool) == Ready()
    assert pool.next_event(0.1) is None


def test_it_is_resized_while_a_worker_runs(pool: Pool) -> None:
    pool.resize(3)
    pool.start(1)
    assert heard(pool, worker=1) == Ready()
    pool.end(1, "is one too many")
    assert heard(pool, worker=1) == WorkerExited("is one too many")
    pool.resize(2)


def test_a_stopped_pool_says_nothing_and_may_start_anew(pool: Pool) -> None:
    begun(pool, "+x=1")
    pool.stop()
    assert pool.next_event(0.1) is None
    pool.start(1)
    assert heard(pool, 1) == Ready()
    begun(pool, "+x=1", worker=1)
