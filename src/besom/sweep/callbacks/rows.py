"""The rows that callbacks get: one for each event of a sweep, of plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrialStarted:
    """An attempt at a trial or a confirmation begins.

    A trial whose worker has died, or that was interrupted, begins again with the next ``attempt``.

    Attributes:
        study: the study's name.
        number: of the trial; for a confirmation, of the trial that it trains again.
        role: ``baseline``, ``trial`` or ``confirmation``.
        params: the values of the searched keys.
        run_id: of its run in MLflow.
        attempt: its number, from 1.
        worker: the number of its worker; None if the trial's value is known already.
        seed: of a confirmation; None for other trials.

    Examples:
        >>> started = besom.TrialStarted("wide", 3, "trial", {"units": 64}, "9f2c", 1, worker=0)
        >>> started.params["units"]
        64
    """

    study: str
    number: int
    role: str
    params: Mapping[str, Any]
    run_id: str
    attempt: int
    worker: int | None
    seed: int | None = None


@dataclass(frozen=True)
class TrialReported:
    """A task has reported metrics; the pruner has decided already.

    Attributes:
        study, number, role, run_id, seed: as of :class:`TrialStarted`.
        step: the epoch, say.
        metrics: name to value, as reported.
        value: of the objective; None if it is not among the metrics.

    Examples:
        >>> report = besom.TrialReported("wide", 3, "trial", "9f2c", 2, {"loss": 0.25}, 0.25)
        >>> f"epoch {report.step}: {report.value}"
        'epoch 2: 0.25'
    """

    study: str
    number: int
    role: str
    run_id: str
    step: int
    metrics: Mapping[str, float]
    value: float | None
    seed: int | None = None


@dataclass(frozen=True)
class TrialEnded:
    """A trial, or a confirmation, has ended for good.

    Attributes:
        study, number, role, params, run_id, attempt, seed: as of :class:`TrialStarted`.
        state: ``complete``, ``pruned`` or ``failed``.
        values: each objective by name; empty unless complete. For a confirmation, the metric that
            is judged.
        metrics: the last report of each, and what the task has returned; empty for trials of an
            earlier process, whose metrics are in MLflow.
        seconds: of the last attempt; None if its worker died before it could tell.
        error: one line; empty unless failed.
        duplicate_of: the number of the equal trial whose value this one has taken over.
        infeasible: which of the sweep's constraints it violates; empty if it violates none.

    Examples:
        >>> ended = besom.TrialEnded("wide", 3, "trial", {"units": 64}, "complete", {"loss": 0.5})
        >>> min(ended.values.values())
        0.5
    """

    study: str
    number: int
    role: str
    params: Mapping[str, Any]
    state: str
    values: Mapping[str, float]
    metrics: Mapping[str, float] = field(default_factory=dict)
    run_id: str = ""
    attempt: int = 1
    seconds: float | None = None
    error: str = ""
    seed: int | None = None
    duplicate_of: int | None = None
    infeasible: str = ""


@dataclass(frozen=True)
class StudyStarted:
    """A sweep begins or is resumed: its stores are open, and no trial of this process has begun.

    Attributes:
        study: its name.
        run_id: of the sweep's own run in MLflow, the parent of its trials' runs.
        root: the folder of the record.
        objectives, directions: names, and ``minimize`` or ``maximize`` for each.
        n_trials: how many trials it should have in all.
        n_jobs: how many workers; None for as many as a cluster has room for.
        resumed: the trials that ended in earlier processes; empty for a new study.

    Examples:
        >>> begun = besom.StudyStarted("wide", "77ab", "mlruns", ("loss",), ("minimize",), 20, 2)
        >>> f"{begun.n_trials - len(begun.resumed)} trials to go"
        '20 trials to go'
    """

    study: str
    run_id: str
    root: str
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    n_trials: int
    n_jobs: int | None
    resumed: tuple[TrialEnded, ...] = ()


@dataclass(frozen=True)
class VerdictReached:
    """The confirmation has compared the best trials with the baseline on fresh seeds.

    Attributes:
        study: its name.
        metric, direction: what was judged.
        winner, baseline: numbers of trials; equal unless a trial beats the baseline, or the
            baseline is infeasible.
        beats: whether a trial beats the baseline.
        sentence: the verdict as it is printed.
        seeds: on which all of ``values`` were trained.
        values: the metric on each seed, by trial number.
        champion: where the winner's model is registered, or why it is not; empty if it has none.

    Examples:
        >>> verdict = besom.VerdictReached("wide", "loss", "minimize", 3, 0, True, "Trial 3 …")
        >>> verdict.sentence if verdict.beats else "as before"
        'Trial 3 …'
    """

    study: str
    metric: str
    direction: str
    winner: int
    baseline: int
    beats: bool
    sentence: str
    seeds: tuple[int, ...] = ()
    values: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    champion: str = ""


@dataclass(frozen=True)
class StudyEnded:
    """A sweep has ended; the same command may resume it.

    Attributes:
        study: its name.
        status: ``finished``, ``interrupted`` (by a signal), or ``failed``.
        n_complete, n_pruned, n_failed: counts of all trials of the study.
        n_left: trials that are still to be done.
        best: the best trial that counts; with several objectives, the Pareto front.
        verdict: of this process's confirmation, or why there is none; empty if none was asked for.
        error: why it failed; empty unless it did.

    Examples:
        >>> besom.StudyEnded("wide", "finished", 18, 2, 0, n_left=0).n_complete
        18
    """

    study: str
    status: str
    n_complete: int
    n_pruned: int
    n_failed: int
    n_left: int
    best: tuple[TrialEnded, ...] = ()
    verdict: str = ""
    error: str = ""
