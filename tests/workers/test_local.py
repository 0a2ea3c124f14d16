"""A local pool with real worker processes; the tests act as its supervisor."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from besom.app import job
from besom.common.states import State
from besom.workers import resources, worker
from besom.workers.local import LocalPool
from besom.workers.messages import (
    Assignment,
    Composed,
    Event,
    FromWorker,
    Outcome,
    Ready,
    Told,
    WorkerExited,
)
from tests.processes import is_alive, wait_for
from tests.workers.conftest import runner_in
from tests.workers.hoarding import framed, hoard

TIMEOUT = 30.0


@pytest.fixture
def payload(tmp_path: Path) -> Iterator[bytes]:
    """Yield the pickled application, as a pool sends it to a worker."""
    with runner_in(tmp_path, hoard) as runner:
        yield job.dump(runner)


@pytest.fixture
def pool(payload: bytes) -> Iterator[LocalPool]:
    """Yield a pool of two workers that may grow by 50 MiB each."""
    made = LocalPool(2, payload, Path("logs"), growth_limit=50 << 20)
    yield made
    made.stop()


def says(pool: LocalPool, worker: int) -> FromWorker:
    """Return the next message other than ``Composed``; assert that it is this worker's."""
    event = None
    while event is None or isinstance(event.message, Composed):
        event = pool.next_event(TIMEOUT)
        assert event, "nobody said anything"
    assert event.worker == worker
    return event.message


def run_one(pool: LocalPool, megabytes: int = 0, worker: int = 0, *overrides: str) -> Outcome:
    """Run one trial on a worker; return its outcome."""
    pool.send(worker, Assignment(0, 1, (f"+megabytes={megabytes}", *overrides)))
    outcome = says(pool, worker)
    assert isinstance(outcome, Outcome) and outcome.state is State.COMPLETE, outcome
    assert outcome.memory > megabytes << 20
    return outcome


def outcome_of_any(pool: LocalPool) -> Outcome:
    while event := pool.next_event(TIMEOUT):
        if isinstance(event.message, Outcome):
            return event.message
    raise AssertionError("nobody said anything")


def started() -> list[int]:
    """Return the process ids of all workers so far."""
    return [int(line) for line in Path("started").read_text().split()]


def test_a_worker_that_stays_small_is_kept(pool: LocalPool) -> None:
    pool.start(0)
    assert says(pool, 0) == Ready()
    assert not any(run_one(pool, megabytes=1).is_last for _ in range(10))
    assert len(started()) == 1


def test_a_worker_over_the_memory_limit_is_replaced(
    pool: LocalPool,
) -> None:
    for n_before in range(2):  # the second one's growth counts from its own first trial
        pool.start(0)
        assert says(pool, 0) == Ready()
        pool.start(0)
        assert len(started()) == n_before + 1
        assert [run_one(pool, megabytes).is_last for megabytes in (60, 0, 60)] == [
            False,
            False,
            True,
        ]
        assert says(pool, 0) == WorkerExited("ended with exit code 0")
        assert not is_alive(started()[n_before])
    assert "trial 0" in Path("logs/worker-0.log").read_text()


def has_left(name: str) -> bool:
    """Return whether a worker exited normally: buffers flushed, ``atexit`` functions run."""
    assert Path(f"{name}.csv").exists()
    return Path(f"{name}.csv").read_text() == "row\n" and Path(f"{name}.left").exists()


def test_a_worker_without_a_job_exits_as_python_does(pool: LocalPool) -> None:
    for name, megabytes in (("last", 60), ("ended", 0), ("stopped", 0)):
        pool.start(0)
        assert says(pool, 0) == Ready()
        run_one(pool, 0, 0, f"+leaves={name}")
        if name == "last":
            assert run_one(pool, megabytes).is_last
            assert says(pool, 0) == WorkerExited("ended with exit code 0")
        elif name == "ended":
            pool.end(0, "is one too many")
            assert says(pool, 0) == WorkerExited("is one too many")
        else:
            pool.stop()
        assert has_left(name), name


def test_no_worker_holds_up_the_end_for_long(pool: LocalPool) -> None:
    """A slow exit is cut short; if any worker has a job, all are killed at once."""
    pool.start(0)
    assert says(pool, 0) == Ready()
    run_one(pool, 0, 0, "+leaves=slow", "+seconds=60")
    pool.stop()
    assert not has_left("slow") and not is_alive(started()[-1])
    for worker_id in (0, 1):
        pool.start(worker_id)
        assert says(pool, worker_id) == Ready()
    run_one(pool, 0, 0, "+leaves=idle", "+seconds=0.1")
    pool.send(1, Assignment(0, 1, ("+megabytes=0", "+stops_within=words")))
    pool.stop()
    assert not has_left("idle") and not any(map(is_alive, started()))


def test_a_file_that_jobs_overwrite_for_one_another_is_named_once(pool: LocalPool) -> None:
    for worker_id in (0, 1):
        pool.start(worker_id)
        assert says(pool, worker_id) == Ready()
    for _ in range(2):  # one after another
        for worker_id in (0, 1):
            outcome = run_one(pool, 0, worker_id, "+overwrites=best.txt")
            assert outcome.overwritten == {"best.txt"} and not outcome.remark
    remarks = []
    for _ in range(2):
        for worker_id in (0, 1):
            words = ("+megabytes=0", "+overwrites=best.txt")
            pool.send(worker_id, Assignment(worker_id, 1, words))
        remarks += [outcome_of_any(pool).remark for _ in range(2)]
    first, second, *later = remarks
    assert not first and second.startswith("best.txt: two jobs") and not any(later)


class Unreadable:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (3,)


def test_a_process_that_dies_before_it_has_its_application_is_a_death(
    payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "main", Unreadable())
    pool = LocalPool(1, payload.ljust(1 << 20), Path("logs"))
    starting = threading.Thread(target=pool.start, args=(0,), daemon=True)
    starting.start()
    starting.join(TIMEOUT)
    assert not starting.is_alive()
    assert says(pool, 0) == WorkerExited("ended with exit code 3")


def test_memory_that_ran_out_is_named_where_the_system_says_so(
    pool: LocalPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = tmp_path / "vmstat"
    monkeypatch.setattr(resources, "_KILL_COUNTS", (counts, tmp_path / "missing"))
    for before, after, cause in [
        (2, 2, "was killed by SIGKILL"),
        (2, 3, "was killed by SIGKILL: the system has run out of memory"),
    ]:
        counts.write_text(f"nr_free_pages 7\noom_kill {before}\n")
        pool.start(0)
        assert isinstance(says(pool, 0), Ready)
        counts.write_text(f"nr_free_pages 7\noom_kill {after}\n")
        os.kill(started()[-1], signal.SIGKILL)
        assert says(pool, 0) == WorkerExited(cause)


def stop_within_words(pool: LocalPool) -> int:
    """Stop worker 0 in the middle of a message; return its process id."""
    pool.start(0)
    assert says(pool, 0) == Ready()
    process = started()[-1]
    pool.send(0, Assignment(0, 1, ("+megabytes=0", "+stops_within=words")))
    wait_for(lambda: "T (stopped)" in Path(f"/proc/{process}/status").read_text())
    event = pool.next_event(TIMEOUT)
    assert event and isinstance(event.message, Composed)
    return process


def test_a_worker_that_is_stopped_while_it_speaks_holds_up_nobody(pool: LocalPool) -> None:
    """It may then go on, be killed, or be ended by the pool."""
    pool.start(1)
    assert says(pool, 1) == Ready()
    stopped = stop_within_words(pool)
    for _ in range(2):
        run_one(pool, worker=1)
    os.kill(stopped, signal.SIGCONT)
    assert says(pool, 0) == Told("log", ({"said": "words"},))
    assert isinstance(says(pool, 0), Outcome)
    pool.end(0, "is to be another")
    assert says(pool, 0) == WorkerExited("is to be another")

    os.kill(stop_within_words(pool), signal.SIGKILL)
    began = time.monotonic()
    assert says(pool, 0) == WorkerExited("was killed by SIGKILL")  # its partial message is dropped
    assert time.monotonic() - began < 1

    stop_within_words(pool)
    pool.end(0, "said nothing")
    assert says(pool, 0) == WorkerExited("said nothing")


def test_a_death_is_heard_of_while_what_the_worker_forked_keeps_its_pipe(pool: LocalPool) -> None:
    pool.start(0)
    assert says(pool, 0) == Ready()
    pool.send(0, Assignment(0, 1, ("+megabytes=0", "+forks=true")))
    assert says(pool, 0) == Told("log", ({"said": "last words"},))
    assert says(pool, 0) == WorkerExited("was killed by SIGKILL")
    forked = int(next(Path().rglob("forked")).read_text())
    assert is_alive(forked)
    os.kill(forked, signal.SIGKILL)


def test_what_is_no_message_ends_the_worker_alone(pool: LocalPool) -> None:
    pool.start(1)
    assert says(pool, 1) == Ready()
    unasked = [framed(pickle.dumps(message)) for message in ("no message", Told("close", ()))]
    for rubbish in (b"hi\n\n\n\n", b"\0" * 50, framed(b"abc"), *unasked):
        pool.start(0)
        assert says(pool, 0) == Ready()
        pool.send(0, Assignment(0, 1, ("+megabytes=0", f"+writes={rubbish.hex()}x")))
        assert says(pool, 0) == WorkerExited("wrote something else than messages to its pipe"), (
            rubbish
        )
    run_one(pool, worker=1)


def test_an_exit_of_a_worker_that_another_thread_has_stopped_is_passed_on(
    payload: bytes,
) -> None:
    """On Ray one thread of the actor waits for events while another stops the pool."""
    pool = LocalPool(1, payload, Path("logs"))
    for message in (Outcome(State.COMPLETE, {}, 0.1, is_last=True), WorkerExited("was killed")):
        pool._events.put(Event(0, message))
        event = pool.next_event(TIMEOUT)
        assert event and event.message == message
