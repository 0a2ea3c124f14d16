"""A process is killed with SIGKILL; the next one recovers what it left."""

import json
import shutil
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.tracking import Pending, Record, connect, schema
from tests import warm

STUDY = {schema.STUDY: "s"}

KILLED = """
import os, signal, sys
from pathlib import Path
from besom.tracking import connect, schema
from besom.tracking.outbox.sender import Sender

Sender.post = lambda *_: None  # nothing is delivered in time
record = connect(Path(sys.argv[1]), None, "tests")
finished = record.start_run("finished", {schema.STUDY: "s"}, params={"units": 8})
for step in range(50):
    record.metrics(finished, step, {"loss": 1 / (step + 1)})
record.text(finished, schema.CONFIG_FILE, "a: 1\\n")
record.prepare_end(finished, "FINISHED", {schema.STATE: "complete"}, {"trial": 3, "values": [0.5]})
confirmed = record.start_run("confirmed", {schema.STUDY: "s"})
record.prepare_end(confirmed, "FAILED", {}, {})
record.end_run(confirmed)
lost = record.start_run("lost", {schema.STUDY: "s"})
record.metrics(lost, 0, {"loss": 0.7})
given_up = record.start_run("given up", {schema.STUDY: "s"})
print(finished, confirmed, lost, given_up, flush=True)
record.end_run = lambda run_id: os.kill(os.getpid(), signal.SIGKILL)
record.kill(given_up, {schema.STATE: "dead"})
"""


@dataclass(frozen=True)
class Left:
    """The root that the killed process left, and the runs that it had started."""

    root: Path
    finished: str
    confirmed: str
    lost: str
    given_up: str


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("killed")
    (folder / "killed.py").write_text(KILLED)
    root = folder / "mlruns"
    ended = warm.run(["killed.py", str(root)], folder)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return Left(root, *ended.stdout.split())


@pytest.fixture
def left(killed: Left, tmp_path: Path) -> Left:
    """Return a copy for one test."""
    shutil.copytree(killed.root, tmp_path / "mlruns")
    return replace(killed, root=tmp_path / "mlruns")


def logs(root: Path) -> int:
    return len(list((root / "spool").glob("*.jsonl")))


def without_key(run: Pending) -> Pending:
    """Return ``run`` without its key and its time, which differ each time."""
    tags = {key: tag for key, tag in run.tags.items() if key != schema.KEY}
    return replace(run, tags=tags, last_at=0)


def steps(client: MlflowClient, run_id: str) -> list[int]:
    return sorted(metric.step for metric in client.get_metric_history(run_id, "loss"))


def test_what_a_killed_process_left_is_delivered_once(left: Left) -> None:
    root, finished, lost = left.root, left.finished, left.lost
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    assert client.get_run(finished).data.metrics == {}

    with connect(root, None, "tests") as record:
        found = {run.run_id: without_key(run) for run in record.pending(STUDY)}
        outcome = {"trial": 3, "values": [0.5]}
        assert found == {
            finished: Pending(finished, "finished", STUDY, outcome, 0),
            lost: Pending(lost, "lost", STUDY, None, 0),
        }
        run = client.get_run(finished)
        assert (run.info.status, run.data.tags.get(schema.STATE)) == ("RUNNING", None)
    with connect(root, None, "tests") as record:  # the next process finds the same
        assert {run.run_id for run in record.pending(STUDY)} == {finished, lost}
        record.end_run(finished)
        record.kill(lost, {schema.STATE: "lost"})
        assert {run.name: run.status for run in record.runs(STUDY)} == {
            "finished": "FINISHED",
            "confirmed": "FAILED",
            "lost": "KILLED",
            "given up": "KILLED",
        }
    run = client.get_run(finished)
    assert run.data.params == {"units": "8"}
    assert run.data.tags[schema.STATE] == "complete"
    assert steps(client, finished) == list(range(50))
    assert Path(client.download_artifacts(finished, schema.CONFIG_FILE)).read_text() == "a: 1\n"
    assert steps(client, lost) == [0]
    assert logs(root) == 0


def test_a_lost_run_ended_when_its_process_last_wrote(left: Left) -> None:
    log = left.root / "spool" / f"{left.lost}.jsonl"
    written = [json.loads(line)["at"] for line in log.read_text().splitlines()]
    with connect(left.root, None, "tests") as record:
        (lost,) = [run for run in record.pending(STUDY) if run.run_id == left.lost]
        record.kill(lost.run_id, {schema.STATE: "lost"}, lost.last_at)
    run = MlflowClient(f"sqlite:///{left.root / 'mlflow.db'}").get_run(left.lost)
    assert run.info.end_time == written[-1] >= written[0]


def test_only_the_runs_asked_for_are_taken_over(left: Left) -> None:
    with connect(left.root, None, "tests") as other, connect(left.root, None, "tests") as owner:
        assert other.pending({schema.STUDY: "another"}) == []
        assert len(owner.pending(STUDY)) == 2


def test_a_log_of_another_store_waits_for_that_store(left: Left, empty_database: Path) -> None:
    elsewhere = shutil.copy(empty_database, left.root / "elsewhere.db")
    with connect(left.root, f"sqlite:///{elsewhere}", "tests") as record:
        assert record.pending() == []
    assert logs(left.root) == 4


def test_what_was_being_killed_is_killed(left: Left) -> None:
    with connect(left.root, None, "tests") as record:
        assert left.given_up not in {run.run_id for run in record.pending(STUDY)}
    run = MlflowClient(f"sqlite:///{left.root / 'mlflow.db'}").get_run(left.given_up)
    assert (run.info.status, run.data.tags[schema.STATE]) == ("KILLED", "dead")


@pytest.mark.parametrize("name", ["finished", "lost", "given_up"])
def test_a_reopened_run_has_what_its_dead_process_said(left: Left, name: str) -> None:
    run_id = getattr(left, name)
    with connect(left.root, None, "tests") as record:
        record.reopen(run_id)
    run = MlflowClient(f"sqlite:///{left.root / 'mlflow.db'}").get_run(run_id)
    assert (run.info.status, run.data.tags[schema.STATE]) == ("RUNNING", "running")
    assert ("loss" in run.data.metrics) == (name != "given_up")


def test_runs_of_living_processes_are_let_alone(root: Path, record: Record) -> None:
    record.start_run("alive", STUDY)
    with connect(root, None, "tests") as other:
        assert other.pending(STUDY) == []
