"""Finds what of a study can be deleted: models of beaten trials, and files that its jobs left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from besom.keras_task import MODEL_FILE
from besom.results.studies import StudyRecord, Trial, ranked
from besom.search.objective import rank
from besom.tracking import schema
from besom.tracking.models.deleted import deletable
from besom.tracking.outbox.log import FOLDER, REFUSED, SUFFIX
from besom.tracking.reader import ReadRun

CHECKPOINT = "checkpoint.npz"
"""As :mod:`besom.rnn.checkpoint` calls it; it stays where a training was interrupted."""
WORKER_LOGS = "workers/worker-*.log"


@dataclass(frozen=True)
class Findings:
    """What could go.

    Attributes:
        models: the bytes of each, by the run of a beaten trial.
        files: by kind.
    """

    models: dict[str, int]
    files: dict[str, list[Path]]

    def rows(self) -> list[tuple[str, int, int]]:
        """Kind, number, bytes."""
        sizes = self.models.values()
        rows = [("models in MLflow's store", len(sizes), sum(sizes))]
        rows += [
            (kind, len(files), sum(file.stat().st_size for file in files))
            for kind, files in self.files.items()
        ]
        return rows


def find(study: StudyRecord, uri: str, root: Path, number: int | None) -> Findings:
    """What could go of a study.

    Args:
        uri: of the store that has its models.
        number: of how many of the best trials the models stay; None for all.
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
    spool = root / FOLDER
    refused = [spool / f"{name}{REFUSED}" for run in study.runs for name in run.names]
    files = {
        "copies of models in the jobs' folders": [folder / MODEL_FILE for folder in has_ended],
        "checkpoints": [folder / CHECKPOINT for folder in has_ended],
        "logs of workers": sorted(logs),
        "logs of runs that MLflow refuses": refused,
    }
    there = {kind: [file for file in some if file.is_file()] for kind, some in files.items()}
    return Findings(models, there)


def n_waiting(study: StudyRecord, root: Path) -> int:
    """How many runs have not ended, or have something on its way to MLflow."""
    return sum(_is_open(run, root) for run in study.runs)


def _beaten(study: StudyRecord, number: int | None) -> Iterator[ReadRun]:
    """The runs of trials whose models do not stay: neither among the best, nor trained again by a
    confirmation, nor of other code, which is no rank of its own."""
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
    """The numbers of the best trials; of several objectives those of the Pareto front."""
    if len(study.objectives) == 1:
        ordered = ranked(complete, study.objectives[0], study.directions[0])
        return {trial.number for trial in ordered[:number]}
    known = [trial for trial in complete if all(one in trial.metrics for one in study.objectives)]
    values = [[trial.metrics[name] for name in study.objectives] for trial in known]
    ranks = rank(values, study.directions) if number else []
    return {trial.number for trial, place in zip(known, ranks, strict=False) if place == 0}


def _folders(study: StudyRecord) -> Iterator[tuple[ReadRun, Path]]:
    """The folders of its jobs that are on this machine; attempts at a trial share one, which is
    that of the last."""
    last: dict[Path, ReadRun] = {}
    for run in study.runs:
        if schema.FOLDER in run.tags:
            last[Path(run.tags[schema.FOLDER])] = run
    return ((run, folder) for folder, run in last.items() if folder.is_dir())


def _is_open(run: ReadRun, root: Path) -> bool:
    logs = (root / FOLDER / f"{name}{SUFFIX}" for name in run.names)
    return run.status == schema.RunStatus.RUNNING or any(log.exists() for log in logs)
