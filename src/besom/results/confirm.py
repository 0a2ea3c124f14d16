"""``besom confirm``: the command that began a study once more, for its confirmation alone."""

import json
from pathlib import Path

from besom.errors import StudyError
from besom.results.studies import StudyRecord, read_study
from besom.sweep_command import quoted
from besom.sweeping.command_line import COMMAND_FILE
from besom.tracking.reading import open_reader

WORKLOAD = "besom.rnn.train.train"
SWEEPER = "hydra.sweeper"
REPLACED = (
    "hydra.mode",
    f"{SWEEPER}.n_trials",
    f"{SWEEPER}.study_name",
    f"{SWEEPER}.dry_run",
    f"{SWEEPER}.confirm.top_k",
    f"{SWEEPER}.confirm.seeds",
    "tracking.root",
)
"""Keys that are given anew."""


def sweep_words(
    root: Path, uri: str | None, name: str, top_k: int, seeds: int, workers: int | None
) -> list[str]:
    """What to give to ``besom sweep``: no new trial, and the confirmation.

    Raises:
        StudyError: there is no such study, it has no finished trial, or it belongs to another
            application.
    """
    reader = open_reader(root, uri)
    study = read_study(reader, name)
    if not study.complete:
        raise StudyError(f"study {name} has no finished trial to confirm")
    text = reader.text(study.parent.run_id, COMMAND_FILE)
    begun = json.loads(text) if text else {}
    if begun.get("task") != WORKLOAD:
        raise StudyError(
            f"study {name} was not begun by besom sweep; give its own command again with "
            f"{SWEEPER}.confirm.top_k={top_k}"
        )
    kept = [word for word in begun["overrides"] if word.partition("=")[0] not in REPLACED]
    words: dict[str, object] = {
        f"{SWEEPER}.n_trials": _n_trials(study),
        f"{SWEEPER}.study_name": quoted(name),
        f"{SWEEPER}.confirm.top_k": top_k,
        f"{SWEEPER}.confirm.seeds": seeds,
        "tracking.root": quoted(str(root)),
    }
    if workers is not None:
        words[f"{SWEEPER}.n_jobs"] = workers
    if uri is not None:
        words["tracking.uri"] = quoted(uri)
    return [begun["config_name"], *kept, *(f"{key}={value}" for key, value in words.items())]


def _n_trials(study: StudyRecord) -> int:
    """As many as there are, so that none is added."""
    return 1 + max(trial.number for trial in study.trials if trial.number is not None)
