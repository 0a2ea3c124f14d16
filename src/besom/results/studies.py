"""A study as its record tells it: its objective, and one run for each trial."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from besom.errors import StudyError
from besom.nearest import did_you_mean, listed
from besom.tracking.reading import Reader, ReadRun

ENDED = ("complete", "pruned", "failed")
_WORDS = {"True": True, "False": False, "None": None}


@dataclass(frozen=True)
class Trial:
    """The last attempt at a trial, or a run that is no trial of a study (``number`` is None)."""

    run: ReadRun
    number: int | None
    role: str
    state: str
    attempt: int
    params: Mapping[str, Any]

    @property
    def metrics(self) -> Mapping[str, float]:
        return self.run.metrics

    @property
    def name(self) -> str:
        """``17`` in its study, the run's name alone elsewhere."""
        return self.run.name if self.number is None else str(self.number)

    @property
    def seconds(self) -> float | None:
        """From the run's start to its end; None while it is going on."""
        return None if self.run.ended is None else self.run.ended - self.run.started

    @property
    def error(self) -> str:
        return self.run.tags.get("besom.error", "")


@dataclass(frozen=True)
class Confirmation:
    """The last attempt to train a trial's configuration again on another seed."""

    run: ReadRun
    trial: int
    seed: int
    state: str


@dataclass(frozen=True)
class StudyRecord:
    """A study, its sweep's own run, its trials by number, and what confirms them."""

    name: str
    parent: ReadRun
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    trials: Sequence[Trial]
    confirmations: Sequence[Confirmation] = ()

    @property
    def baseline(self) -> Trial | None:
        """The trial of the configuration without any proposal, where it is complete."""
        found = (trial for trial in self.complete if trial.role == "baseline")
        return next(found, None)

    @property
    def complete(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state == "complete"]

    @property
    def verdict(self) -> str:
        """What the confirmation found, in one sentence; empty where there was none."""
        return self.parent.tags.get("besom.verdict", "")

    @property
    def winner(self) -> int | None:
        """The trial that won the confirmation, the baseline where nobody beat it."""
        number = self.parent.tags.get("besom.winner")
        return None if number is None else int(number)

    def ranked(self) -> list[Trial]:
        """Complete trials, the best first; by number with several objectives."""
        if len(self.objectives) > 1:
            return self.complete
        return best_first(self.complete, self.objectives[0], self.directions[0])


def read_study(reader: Reader, name: str) -> StudyRecord:
    """One study.

    Raises:
        StudyError: there is no such study.
    """
    runs = reader.study(name)
    parents = [run for run in runs if run.tags.get("besom.role") == "sweep"]
    if not parents:
        known = reader.studies()
        hint = did_you_mean(name, known, f"there are {listed(known)}")
        raise StudyError(f"no study `{name}` in the record; {hint}")
    parent = parents[-1]  # an earlier study of this name had a database that is gone
    own = [run for run in runs if run.tags.get("mlflow.parentRunId") == parent.run_id]
    return StudyRecord(
        name,
        parent,
        _listed(parent.params.get("objective", "objective")),
        _listed(parent.params.get("direction", "minimize")),
        _last_attempts(own),
        _confirmations(own),
    )


def read_run(reader: Reader, run_id: str) -> Trial:
    """One run by its id.

    Raises:
        StudyError: there is no such run.
    """
    found = reader.runs([run_id])
    if not found:
        raise StudyError(
            f"no run {run_id} in the record; `besom compare STUDY --csv` shows the ids of a "
            "study, `besom ui` all there are"
        )
    return read_trial(found[0])


def read_trial(run: ReadRun) -> Trial:
    """A run as a trial, whoever made it."""
    number = run.tags.get("besom.trial")
    return Trial(
        run,
        None if number is None else int(number),
        run.tags.get("besom.role", ""),
        # Its last tags may have come before the rest of it.
        "running" if run.status == "RUNNING" else run.tags.get("besom.state", run.status.lower()),
        int(run.tags.get("besom.attempt", 1)),
        {key: value_of(text) for key, text in run.params.items()},
    )


def best_first(trials: Iterable[Trial], metric: str, direction: str) -> list[Trial]:
    """By a metric; those without it, or with NaN, last and in their order."""
    sign = -1 if direction == "maximize" else 1

    def key(trial: Trial) -> tuple[bool, float]:
        value = trial.metrics.get(metric, math.nan)
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value

    return sorted(trials, key=key)


def value_of(text: str) -> Any:
    """A parameter as it was before MLflow made text of it."""
    if text in _WORDS:
        return _WORDS[text]
    for kind in (int, float):
        try:
            if str(value := kind(text)) == text:
                return value
        except ValueError:
            continue
    return text


def _last_attempts(runs: Iterable[ReadRun]) -> list[Trial]:
    trials = (read_trial(run) for run in runs if "besom.trial" in run.tags)
    last: dict[int, Trial] = {}
    for trial in trials:
        assert trial.number is not None
        if trial.number not in last or trial.attempt >= last[trial.number].attempt:
            last[trial.number] = trial
    return [last[number] for number in sorted(last)]


def _confirmations(runs: Iterable[ReadRun]) -> list[Confirmation]:
    """By trial and seed. The last attempt is the one that began last."""
    last: dict[tuple[int, int], Confirmation] = {}
    for run in sorted(runs, key=lambda run: run.started):
        if "besom.confirms" in run.tags:
            trial, seed = int(run.tags["besom.confirms"]), int(run.tags["besom.seed"])
            last[trial, seed] = Confirmation(run, trial, seed, read_trial(run).state)
    return [last[place] for place in sorted(last)]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))
