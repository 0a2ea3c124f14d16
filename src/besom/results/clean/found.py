"""Finds what can be deleted of a study: models of beaten trials, and files that its jobs left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from besom.keras_task import MODEL_FILE
from besom.results.studies import StudyRecord, Trial, ranked
from besom.search.ranking import front
from besom.tracking import schema
from besom.tracking.models.deleted import deletable
from besom.tracking.outbox.log import FOLDER, REFUSED, SUFFIX
from besom.tracking.reader import ReadRun

CHECKPOINT = "checkpoint.npz"
"""The file name of :mod:`besom.rnn.checkpoint`; an interrupted training leaves that file."""
WORKER_LOGS = "workers/worker-*.log"


@dataclass(frozen=True)
class Findings:
    """What can be deleted.

    Attributes:
        models: the size of each model in bytes, by the run of a beaten trial.
        files: files by kind.
    """

    models: dict[str, int]
    files: dict[str, list[Path]]

    def rows(self) -> list[tuple[str, int, int]]:
        """Return kind, number and bytes of everything that can be deleted."""
        sizes = self.models.values()
        rows = [("models in MLflow's store", len(sizes), sum(sizes))]
        rows += [
            (kind, len(files), sum(file.stat().st_size for file in files))
            for kind, files in self.files.items()
        ]
        return rows


def find(study: StudyRecord, uri: str, root: Path, number: int | None) -> Findings:
    """Find what can be deleted of a study.

    Args:
        uri: the address of the MLflow store with its models.
        number: the number of the best trials whose models stay; None for all.
    """
    models = deletable(uri, [run.run_id for run in _beaten(study, number)])
    folders = [*_folders(study)]
    # An attempt that was killed is tried again, from its checkpoint if it has one.
    has_ended = [
        folder
        for run, folder in folders
        if run.status != schema.RunStatus.KILLED and not _is_open(run, root)
    ]
    logs = {log for _, folder in folders for log in folder.parent.glob(WORKER_LOGS)}
    files = {
        "copies of models in the jobs' folders": [folder / MODEL_FILE for folder in has_ended],
        "checkpoints": [folder / CHECKPOINT for folder in has_ended],
        "logs of workers": sorted(logs),
    }
    there = {kind: [file for file in some if file.is_file()] for kind, some in files.items()}
    return Findings(models, there)


def n_waiting(study: StudyRecord, root: Path) -> int:
    """Return the number of runs that have not ended, or are not fully delivered to MLflow."""
    return sum(_is_open(run, root) for run in study.runs)


def _beaten(study: StudyRecord, number: int | None) -> Iterator[ReadRun]:
    """Yield the runs of trials whose models do not stay.

    The models of the best trials stay. So do those of trials that a confirmation trained again, and
    of trials of other source code, which are not ranked.
    """
    if number is None:
        return
    trials = [trial for trial in study.trials if schema.DUPLICATE_OF not in trial.run.tags]
    confirmed = {one.trial for one in study.confirmations}
    kept = _best(study, [trial for trial in trials if trial in study.complete], number)
    for trial in trials:
        stays = trial.number in kept or trial.number in confirmed or not trial.counts
        if not stays and trial.run.status != schema.RunStatus.RUNNING:
            yield trial.run


def _best(study: StudyRecord, complete: Sequence[Trial], number: int) -> set[int | None]:
    """Return the numbers of the best trials; with several objectives, the Pareto front."""
    if not number:
        return set()
    if len(study.objectives) == 1:
        ordered = ranked(complete, study.objectives[0], study.directions[0])
        return {trial.number for trial in ordered[:number]}
    known = [trial for trial in complete if all(one in trial.metrics for one in study.objectives)]
    best = front(
        known, lambda trial: [trial.metrics[n] for n in study.objectives], study.directions
    )
    return {trial.number for trial in best}


def _folders(study: StudyRecord) -> Iterator[tuple[ReadRun, Path]]:
    """Return the folders of a study's jobs on this machine, each with the last run that used it.

    Attempts at a trial share a folder.
    """
    last: dict[Path, ReadRun] = {}
    for run in study.runs:
        if schema.FOLDER in run.tags:
            last[Path(run.tags[schema.FOLDER])] = run
    return ((run, folder) for folder, run in last.items() if folder.is_dir())


def _is_open(run: ReadRun, root: Path) -> bool:
    suffixes = (SUFFIX, REFUSED)  # a run that was restored gets what had been refused
    logs = (root / FOLDER / f"{name}{suffix}" for name in run.names for suffix in suffixes)
    return run.status == schema.RunStatus.RUNNING or any(log.exists() for log in logs)
