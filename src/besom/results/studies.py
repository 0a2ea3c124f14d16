"""Reads a study from the record: its objectives, trials, confirmations and verdict."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from besom.app.source import Source
from besom.common.errors import StudyError
from besom.common.states import State
from besom.common.terminal.commands import besom_command
from besom.common.text import unnamed
from besom.search.constraints import NONE, Constraints
from besom.search.ranking import best_first
from besom.sweep.recovery.missing_runs import ExpectedRuns, sentence
from besom.sweep.recovery.own_sweep import choose_sweep, expected_runs
from besom.tracking import schema
from besom.tracking.address import own_address
from besom.tracking.reader import Reader, ReadRun, meant, value_of
from besom.tracking.runs import restoring

RUN_ID = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
ENDED = ("complete", "pruned", "failed")


@dataclass(frozen=True)
class Trial:
    """The last attempt at a trial, or a run that is not a trial of a study (``number`` is None)."""

    run: ReadRun
    number: int | None
    role: str
    state: str
    attempt: int
    params: Mapping[str, Any]
    counts: bool = True
    """False if it was made by other source code than that of the last start of the sweep."""
    infeasible: str = ""
    """The constraints of that start that it violates; empty if it violates none."""

    @property
    def metrics(self) -> Mapping[str, float]:
        return self.run.metrics

    @property
    def is_eligible(self) -> bool:
        """Whether the trial may be the best."""
        return self.state == State.COMPLETE and self.counts and not self.infeasible

    @property
    def standing(self) -> str:
        """Its state; ``infeasible`` if it is complete and violates the constraints."""
        return "infeasible" if self.state == State.COMPLETE and self.infeasible else self.state

    @property
    def name(self) -> str:
        """The trial's number, ``17``; for a run that is not a trial, the run's name."""
        return self.run.name if self.number is None else str(self.number)

    @property
    def seconds(self) -> float | None:
        """The time from the run's start to its end; None while it is running."""
        return None if self.run.ended is None else self.run.ended - self.run.started


@dataclass(frozen=True)
class Confirmation:
    """The last attempt to train a trial's configuration again on another seed."""

    run: ReadRun
    trial: int
    seed: int
    state: str


@dataclass(frozen=True)
class StudyRecord:
    """A study: the parent run of its sweep, its trials by number, and their confirmations.

    Summaries of the trials, such as the best, include only those that count.

    ``runs`` has every attempt at a trial or a confirmation, the oldest first. ``missing_runs`` says
    which ended trials have no run. It is known only if the study's database lies beside the record.
    """

    name: str
    parent: ReadRun
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    trials: Sequence[Trial]
    confirmations: Sequence[Confirmation] = ()
    runs: Sequence[ReadRun] = ()
    missing_runs: str = ""
    constraints: Constraints = NONE
    flags: str = ""
    """The flags with which commands find the record, each after a space."""

    @property
    def baseline(self) -> Trial | None:
        """The trial of the configuration without any proposal, if it is complete."""
        return next((trial for trial in self.complete if trial.role == schema.Role.BASELINE), None)

    @property
    def complete(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state == "complete" and trial.counts]

    @property
    def verdict(self) -> str:
        """The result of the confirmation in one sentence; empty if there is none."""
        return "" if self._is_outdated else self.parent.tags.get(schema.VERDICT, "")

    @property
    def verdict_age(self) -> str:
        """``reached after 20 of 60 trials``; empty if no trial has ended since."""
        known = self.parent.tags.get(schema.VERDICT_TRIALS)
        n_ended = sum(trial.state in ENDED for trial in self.trials)
        if not self.verdict or known is None or n_ended <= int(known):
            return ""
        return f"reached after {known} of {n_ended} trials"

    @property
    def winner(self) -> int | None:
        """The number of the trial that won the confirmation; the baseline's if none beat it."""
        number = self.parent.tags.get(schema.WINNER)
        return None if number is None or self._is_outdated else int(number)

    @property
    def _is_outdated(self) -> bool:
        """Whether the winner of the verdict does not count any more, or is infeasible."""
        winner = self.parent.tags.get(schema.WINNER)
        no_more = (trial for trial in self.trials if not trial.counts or trial.infeasible)
        return winner in [str(trial.number) for trial in no_more]

    @property
    def best(self) -> Trial | None:
        """The best of the complete and feasible trials, if there are any.

        Raises:
            StudyError: there are several objectives.
        """
        if len(self.objectives) > 1:
            raise StudyError(
                f"study {self.name} has several objectives, so none of its trials is the best; "
                f"`{besom_command('compare', self.name, flags=self.flags)}` shows them"
            )
        eligible = [trial for trial in self.complete if trial.is_eligible]
        return next(iter(ranked(eligible, self.objectives[0], self.directions[0])), None)


def read_study(reader: Reader, name: str) -> StudyRecord:
    """Read a study from the record.

    Raises:
        StudyError: there is no such study.
    """
    runs = reader.study(name)
    known = expected_runs(reader, name)
    parent = choose_sweep(reader, name, runs, known)
    if parent is None:
        raise StudyError(_no_study(reader, name, next(iter(known.values()), None)))
    own = [run for run in runs if run.tags.get(schema.PARENT) == parent.run_id]
    counted = Source.read(parent.tags.get(schema.COUNTED_CODE))
    constraints = Constraints.read(json.loads(parent.tags.get(schema.CONSTRAINTS, "{}")))
    trials = [_judged(trial, constraints) for trial in _last_attempts(own, counted)]
    directions = _listed(parent.params.get("direction", "minimize"))
    objectives = _objectives(parent, len(directions), trials)
    confirmations = _confirmations(own, parent.tags.get(schema.SETTING, ""), counted)
    missing = _missing_runs(reader, name, own, known.get(parent.run_id))
    return StudyRecord(
        *(name, parent, objectives, directions, trials, confirmations, own, missing, constraints),
        reader.flags,
    )


def read_run(reader: Reader, run_id: str) -> Trial:
    """Read one run by its id.

    Raises:
        StudyError: there is no such run.
    """
    found = reader.runs([run_id.lower()])
    if not found:
        raise StudyError(f"no run {run_id} in the record; {meant(reader, run_id)}")
    return _read_trial(found[0])


def _read_trial(run: ReadRun) -> Trial:
    """Return a run, also one of another program, as a trial."""
    number = run.tags.get(schema.TRIAL)
    names = schema.parameter_names(run.tags)
    is_running = run.status == schema.RunStatus.RUNNING  # its last tags may be there before its end
    return Trial(
        run,
        None if number is None else int(number),
        run.tags.get(schema.ROLE, ""),
        State.RUNNING.value if is_running else run.tags.get(schema.STATE, run.status.lower()),
        int(run.tags.get(schema.ATTEMPT, 1)),
        {names.get(key, key): value_of(text) for key, text in run.params.items()},
    )


def ranked(trials: Iterable[Trial], metric: str, direction: str) -> list[Trial]:
    """Rank trials by a metric; see :func:`besom.search.ranking.best_first`."""
    return best_first(trials, lambda trial: trial.metrics.get(metric), direction)


def _no_study(reader: Reader, name: str, there: ExpectedRuns | None) -> str:
    if there is None or reader.folder is None:
        return f"no study `{name}` in the record; {meant(reader, name)}"
    restore = restoring(own_address(reader.folder), f"runs restore --run-id {there.sweep}")
    return (
        f"no study `{name}` in the record, though optuna.db has {len(there.trials)} ended trials "
        "of it: its runs were deleted, or mlflow.db is another file.\n"
        f"Restore them (`{restore}`; a deleted experiment\n"
        "with `mlflow experiments restore -x ID`), or bring that file back."
    )


def _missing_runs(
    reader: Reader, name: str, runs: Iterable[ReadRun], there: ExpectedRuns | None
) -> str:
    known = {word for run in runs for word in run.names}
    if there is None or reader.folder is None:  # its database is not at hand
        return ""
    return sentence(name, there.trials, known, partial(restoring, own_address(reader.folder)))


def _counts(run: ReadRun, counted: Source) -> bool:
    return run.status == schema.RunStatus.RUNNING or not counted.differs_from(
        Source.read(run.tags.get(schema.CODE))
    )


def _last_attempts(runs: Iterable[ReadRun], counted: Source) -> list[Trial]:
    trials = (_read_trial(run) for run in runs if schema.TRIAL in run.tags)
    last: dict[int, Trial] = {}
    for trial in trials:
        assert trial.number is not None
        if trial.number not in last or trial.attempt >= last[trial.number].attempt:
            last[trial.number] = trial
    return [replace(one, counts=_counts(one.run, counted)) for _, one in sorted(last.items())]


def _judged(trial: Trial, constraints: Constraints) -> Trial:
    known = {metric: trial.metrics.get(schema.valid_name(metric)) for metric in constraints.metrics}
    numbers = {metric: value for metric, value in known.items() if value is not None}
    why = constraints.why_infeasible(numbers, trial.state == State.COMPLETE)
    return replace(trial, infeasible=why)


def _confirmations(runs: Iterable[ReadRun], setting: str, counted: Source) -> list[Confirmation]:
    """Return the last attempt, by start, of each confirmation, sorted by trial and seed.

    Args:
        setting: the setting of the verdict, see :func:`besom.sweep.confirmation.seeds.setting`.
            Runs of another setting are left out. Empty if there is no verdict.
    """
    last: dict[tuple[int, int], Confirmation] = {}
    for run in sorted(runs, key=lambda run: run.started):
        belongs = not setting or run.tags.get(schema.SETTING, setting) == setting
        if schema.CONFIRMS in run.tags and belongs and _counts(run, counted):
            trial, seed = int(run.tags[schema.CONFIRMS]), int(run.tags[schema.SEED])
            last[trial, seed] = Confirmation(run, trial, seed, _read_trial(run).state)
    return [last[place] for place in sorted(last)]


def _objectives(parent: ReadRun, count: int, trials: Iterable[Trial]) -> tuple[str, ...]:
    """Return the names of the objectives among the metrics, even if the user did not name them.

    If a task returned several plain numbers, they have general names. If it returned a mapping with
    a single number, that has its own name, which the sweep has noted since.
    """
    if count == 1 and schema.OBJECTIVE in parent.tags:
        return (schema.valid_name(parent.tags[schema.OBJECTIVE]),)
    names = tuple(map(schema.valid_name, _listed(parent.params.get("objective", ""))))
    if len(names) != count:
        return unnamed(count)
    found = {metric for trial in trials if trial.state == "complete" for metric in trial.metrics}
    return tuple(found) if count == 1 == len(found) else names


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))
