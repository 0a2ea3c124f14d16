"""``besom status``: the progress of studies, from their databases, locks and progress files."""

import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from besom.app.source import Source
from besom.common.addresses import sqlite_address
from besom.common.errors import StoreError, StudyError
from besom.common.locks import supervisor_of
from besom.common.sqlite import readable_file
from besom.common.suggest import did_you_mean, listed
from besom.common.text import duration, shorten_words, show
from besom.search.constraints import Constraints
from besom.search.storage.database import CONFIRMATIONS, existing_study
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.steering.requests import steering_folder
from besom.sweep.steering.state_file import read_state

WIDTH = 80
LABEL = 11
STATES = ("complete", "pruned", "failed")


@dataclass(frozen=True)
class Status:
    """The progress of a study.

    Attributes:
        holder: the supervisor that sweeps it; empty if none does.
        state: the progress file of its last supervisor, see state.py; empty if there is none.
        counts: trials by state.
        running: the trials that have not ended, according to the database.
        n_waiting: points that wait for a trial.
        best: the best trial, or the Pareto front; empty if there is none.
        ended_by: what has ended its last sweep; empty if that was killed, or is still running.
        is_known: whether its database could be read; if not, all but the first two are empty.
    """

    study: str
    holder: str
    state: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=Counter)
    running: Set[int] = frozenset()
    n_waiting: int = 0
    best: Sequence[TrialRow] = ()
    objectives: Sequence[str] = ()
    ended_by: str = ""
    is_known: bool = False

    @property
    def n_ended(self) -> int:
        return sum(self.counts[state] for state in STATES)

    @property
    def ended(self) -> str:
        """``12 of 20``, or ``12`` if the total is not known."""
        n_trials = self.state.get("n_trials")
        return f"{self.n_ended} of {n_trials}" if n_trials else str(self.n_ended)

    @property
    def value(self) -> str:
        """The best value, or which trials are on the Pareto front."""
        if len(self.objectives) > 1:
            return f"trials {', '.join(str(row.number) for row in self.best)}" if self.best else ""
        return show(self.best[0].values[0]) if self.best else ""

    @property
    def left(self) -> str:
        """``1 min 20 s left``; empty if nothing runs or it is not known."""
        return str(self.state.get("left", "")) if self.holder else ""


def study_names(root: Path) -> list[str]:
    """Return the studies below ``root``: in its database, or with a folder of requests."""
    found = dict.fromkeys(_in_database(root / "optuna.db"))
    places = sorted((root / "steering").glob("*/")) if (root / "steering").is_dir() else []
    return [*(found | dict.fromkeys(place.name for place in places))]


def _in_database(file: Path) -> list[str]:
    try:
        address = f"{readable_file(file.absolute()).as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            names = database.execute("SELECT study_name FROM studies ORDER BY study_id").fetchall()
    except (StoreError, sqlite3.Error, OSError):
        return []
    return [name for (name,) in names if not name.endswith(CONFIRMATIONS)]


def lock_of_study(root: Path, study: str) -> tuple[Path, str]:
    """Return folder and name of a study's lock, as its last supervisor had it."""
    folder, name = read_state(steering_folder(root, study)).get("lock", (root, study))
    return Path(folder), name


def read_status(root: Path, study: str) -> Status:
    """Read the status of one study.

    Raises:
        StudyError: there is no such study.
        StoreError: it belongs to another user.
    """
    state = read_state(steering_folder(root, study))
    storage = state.get("storage") or sqlite_address(root / "optuna.db")
    found = existing_study(study, storage)
    if found is None and not state:
        known = study_names(root)
        raise StudyError(
            f"no study `{study}` below {root}; {did_you_mean(study, known, _there(known))}"
        )
    holder = supervisor_of(*lock_of_study(root, study))
    if found is None:
        return Status(study, holder, state)
    with closing(found):
        return _read(found, holder, state)


def _there(known: Sequence[str]) -> str:
    if not known:
        return "there is none; --root names another folder"
    return f"there are {listed(known)}"


def _read(study: Study, holder: str, state: Mapping[str, Any]) -> Status:
    counted = Source.read(state.get("counted"))
    rows = study.rows()
    ended = [row for row in rows if row.state != "running"]
    study.leave_out({row.number for row in ended if counted.differs_from(Source.read(row.code))})
    study.constrain(Constraints.read(state.get("constraints")))
    return Status(
        study.name,
        holder,
        state,
        Counter(row.state for row in rows),
        {row.number for row in rows if row.state == "running"},
        study.n_waiting,
        study.best(),
        study.objective_names,
        study.recall("ended_by") or "",
        is_known=True,
    )


def status_lines(status: Status) -> list[str]:
    """Return all about one study, in lines of 80 columns unless names are longer."""
    runs = f"is being swept {status.holder}"
    ended = f"; its last sweep was ended by {status.ended_by}" if status.ended_by else ""
    head = f"{status.study} {runs if status.holder else f'is not being swept{ended}'}"
    facts = [("trials", _trials(status)), ("best", _best(status))]
    if status.holder:
        facts += [("ends", "at the next reports")] if status.state.get("is_stopping") else []
        facts += [*_moment(status)]
    return [head, *(f"  {name:<{LABEL}}{text}" for name, text in facts if text)]


def _trials(status: Status) -> str:
    if not status.is_known:
        done, n_all = status.state.get("done", (0, status.state.get("n_trials", 0)))
        return f"{done} of {n_all}; the database cannot be read from here"
    ended = ", ".join(f"{status.counts[state]} {state}" for state in STATES if status.counts[state])
    running = "running" if status.holder else "interrupted"
    others = {running: status.counts["running"], "enqueued": status.n_waiting}
    more = ", ".join(f"{count} {name}" for name, count in others.items() if count)
    said = f"{status.ended} ended" + (f": {ended}" if ended else "")
    return f"{said}; {more}" if more else said


def _best(status: Status) -> str:
    if not status.best:
        return ""
    if len(status.objectives) > 1:
        return f"{status.value} (Pareto front of {', '.join(status.objectives)})"
    row = status.best[0]
    said = f"trial {row.number}, {status.objectives[0]} {status.value}  {row.label}"
    return shorten_words(said, WIDTH - LABEL - 2)


def _moment(status: Status) -> list[tuple[str, str]]:
    """Return what each worker does, and the time that is left."""
    state = status.state
    if "workers" not in state:
        return [("workers", "starting")]
    n_jobs, workers = state["n_jobs"], state["workers"]
    known = range(n_jobs) if n_jobs else ()
    numbers = sorted({*map(int, workers), *known})
    facts = [(f"worker {n}", _of_worker(status, workers.get(str(n)))) for n in numbers]
    if state["phase"] == "confirmation":
        done, n_all = state["done"]
        facts.append(("confirms", f"{done} of {n_all} trainings on fresh seeds"))
    return [*facts, ("time left", status.left.removesuffix(" left"))]


def _of_worker(status: Status, job: Mapping[str, Any] | None) -> str:
    """Return ``trial  13  units=32  3/10  0.71  12 s``."""
    if job is None:
        return "idle"
    is_trial = status.is_known and status.state["phase"] == "trials"
    if is_trial and job["trial"] not in status.running:  # the database is newer than the file
        return f"has ended trial {job['trial']}"
    steps = f"{job['step'] or 0}/{job['steps']}" if job["steps"] else f"{job['step'] or ''}"
    value = "" if job["value"] is None else show(job["value"])
    numbers = "  ".join(filter(None, (steps, value, duration(max(0, time.time() - job["since"])))))
    return f"{shorten_words(job['label'], WIDTH - LABEL - 4 - len(numbers))}  {numbers}"


def list_lines(found: Sequence[Status]) -> list[str]:
    """Return a table with a line for each study."""
    from besom.common.terminal.table import Column, table, terminal_width

    columns = [
        Column("study", [status.study for status in found], is_text=True),
        Column("trials", [status.ended for status in found]),
        Column("best", [status.value for status in found]),
        Column("state", [_state(status) for status in found], is_text=True),
    ]
    return table(columns, terminal_width())[0]


def _state(status: Status) -> str:
    if status.holder:
        return ", ".join(filter(None, ("running", status.left)))
    return "ended" if status.ended_by else "interrupted" if status.counts["running"] else ""
