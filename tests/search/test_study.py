import fcntl
import os
import socket
import threading
from pathlib import Path

import pytest

from besom.common.errors import StoreError, StudyError
from besom.common.locks import one_at_a_time, only_supervisor
from besom.common.states import State
from besom.search.algorithms.options import NoPruner, RandomSampler, ThresholdPruner
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler
from besom.search.space.grammar import read_space
from besom.search.storage.database import open_study
from besom.search.study import Study
from besom.sweep.identity.fingerprint import hold_to

SPACE = read_space({}, ["x=interval(0,1)"], loader=None)


def opened(folder: Path, pruner: object = None) -> Study:
    study = open_study("s", f"sqlite:///{folder / 'o.db'}", ["minimize"])
    sampler = make_sampler(RandomSampler(seed=0), SPACE.dimensions, 0)
    study.use(sampler, make_pruner(pruner or NoPruner()))
    return study


def test_another_process_can_end_a_trial_that_this_one_began(tmp_path: Path) -> None:
    row = opened(tmp_path).ask(SPACE.distributions)
    later = opened(tmp_path)
    assert later.rows() == [row] and row.state == "running"
    later.note(row.number, attempt=2)
    later.tell(row.number, State.COMPLETE, [0.25])
    (ended,) = opened(tmp_path).rows()
    assert (ended.state, ended.values, ended.notes) == ("complete", (0.25,), {"attempt": 2})


def test_steps_that_an_earlier_attempt_passed_are_not_judged_again(tmp_path: Path) -> None:
    study = opened(tmp_path, ThresholdPruner(upper=1.0))
    number = study.ask(SPACE.distributions).number
    assert study.report(number, 1, 0.5) is False
    assert study.report(number, 1, 9.0) is False
    assert study.report(number, 2, 9.0) is True


def test_another_process_judges_a_trial_from_its_start(tmp_path: Path) -> None:
    first = opened(tmp_path, ThresholdPruner(upper=1.0))
    number = first.ask(SPACE.distributions).number
    assert first.report(number, 1, 0.5) is False
    assert opened(tmp_path, ThresholdPruner(upper=1.0)).report(number, 1, 9.0) is True


def test_a_trial_can_be_ended_with_what_its_process_knew(tmp_path: Path) -> None:
    number = opened(tmp_path).ask(SPACE.distributions).number
    later = opened(tmp_path)
    later.tell(number, State.COMPLETE, [0.25], {"seconds": 2.5}, {1: 0.5, 2: 0.25})
    (ended,) = opened(tmp_path).rows()
    assert (ended.values, ended.notes) == ((0.25,), {"seconds": 2.5})
    assert opened(tmp_path).reports(number) == {1: 0.5, 2: 0.25}


def test_waiting_proposals_are_no_trials_yet(tmp_path: Path) -> None:
    study = opened(tmp_path)
    study.enqueue({"x": 0.5})
    assert study.rows() == []
    assert study.ask(SPACE.distributions).params == {"x": 0.5}


@pytest.mark.parametrize(
    "storage",
    [
        "nonsense",
        "sqlite:////proc/nowhere/o.db",
        "postgresql://besom:secret@127.0.0.1:9/besom",
        "oracle://somewhere/x",
    ],
)
def test_a_storage_that_cannot_be_used_is_named_without_its_password(storage: str) -> None:
    with pytest.raises(StoreError, match=r"hydra\.sweeper\.storage=") as caught:
        open_study("s", storage, ["minimize"])
    assert "secret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_claimed_study_refuses_other_facts(tmp_path: Path) -> None:
    study = opened(tmp_path)
    hold_to(study, {"a": "1", "b": "2"})
    study.add({"role": "baseline"})
    later = {"a": "1", "b": "2", "configuration, added.since": "null"}
    hold_to(opened(tmp_path), {"a": "1", "b": "2"})
    hold_to(opened(tmp_path), later)
    with pytest.raises(StudyError, match=r"configuration, added\.since: absent → 1"):
        hold_to(opened(tmp_path), later | {"configuration, added.since": "1"})
    with pytest.raises(StudyError, match=r"b: 2 → absent; c: absent → 3"):
        hold_to(opened(tmp_path), {"a": "1", "c": "3"})


def test_a_study_without_a_trial_may_become_another(tmp_path: Path) -> None:
    """For a sweep that ended before its first trial, and whose configuration was corrected."""
    first = {"direction": "minimize", "configuration, x": "1"}
    study = opened(tmp_path)
    hold_to(study, first)
    study.enqueue({"x": 0.25}, {"x": 9})
    study.remember("run_id", "abc")
    study = opened(tmp_path)
    hold_to(study, {"direction": "maximize", "configuration, x": "2"})
    study.enqueue({"x": 0.75})
    study = opened(tmp_path)
    assert study.directions == ("maximize",) and study.recall("former_run_id") == "abc"
    row = study.ask(SPACE.distributions)
    assert (row.params, row.outside) == ({"x": 0.75}, None)
    with pytest.raises(StudyError, match="configuration, x: 2 → 1"):
        hold_to(study, first)


@pytest.mark.parametrize("outside", [None, {"x": 9}])
def test_a_baseline_that_waits_and_is_none_any_more_is_withdrawn(
    tmp_path: Path, outside: dict[str, int] | None
) -> None:
    """The next trial has its number; the sampler proposes the parameters, in today's space."""
    study = opened(tmp_path)
    study.withdraw()
    study.enqueue({} if outside else {"x": 0.25, "y": "a"}, outside)
    study = opened(tmp_path)
    study.withdraw()
    row = study.ask(SPACE.distributions)
    assert (row.number, row.outside, row.state) == (0, None, "running")
    assert row.params.keys() == SPACE.distributions.keys() and row.params["x"] != 0.25


def test_one_supervisor_at_a_time(tmp_path: Path) -> None:
    with only_supervisor(tmp_path, "s"):
        with pytest.raises(StudyError, match="by process"), only_supervisor(tmp_path, "s"):
            pass
        with only_supervisor(tmp_path, "other"):
            pass
    with only_supervisor(tmp_path, "s"):
        pass


@pytest.mark.parametrize(
    ("folder", "locks", "file"),
    [(0o755, 0o700, 0o600), (0o2770, 0o2770, 0o660), (0o1777, 0o1777, 0o666)],
)
def test_who_may_write_beside_a_database_may_lock_its_studies(
    folder: int, locks: int, file: int, tmp_path: Path
) -> None:
    tmp_path.chmod(folder)
    with only_supervisor(tmp_path, "s"), one_at_a_time(tmp_path):
        found = [path.stat().st_mode & 0o7777 for path in (tmp_path / "locks").iterdir()]
        assert ((tmp_path / "locks").stat().st_mode & 0o7777, found) == (locks, [file, file])


def test_whoever_held_the_lock_before_is_not_taken_for_its_holder(tmp_path: Path) -> None:
    """The holder writes its process id a moment after it has taken the lock."""
    lock = tmp_path / "locks" / "s.json"
    lock.parent.mkdir()
    here = socket.gethostname()
    lock.write_text(f"by process {2**22 + 1} on {here} since 2026\n")
    with lock.open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        told = f"by process {os.getpid()} on {here} since now"
        timer = threading.Timer(0.2, lambda: lock.write_text(f"{told}\n"))
        timer.start()
        with pytest.raises(StudyError, match=told), only_supervisor(tmp_path, "s"):
            pass
        timer.join()


def test_a_storage_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database at all, but long enough to be read as one")
    with pytest.raises(StoreError, match="cannot be used"):
        open_study("a", f"sqlite:///{tmp_path / 'notes.db'}", ["minimize"])
