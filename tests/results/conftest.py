"""Records studies as a sweep would, without a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest

from besom.tracking import Record, connect, schema


@dataclass(frozen=True)
class Recorded:
    """Records runs of one study in a root."""

    record: Record
    study: str
    parent: str

    def trial(
        self,
        number: int,
        params: Mapping[str, Any],
        curve: Mapping[str, list[float]],
        state: str = "complete",
        role: str = "trial",
        attempt: int = 1,
    ) -> str:
        """Record an attempt; return its run's id. ``curve`` holds each metric's value by epoch."""
        tags = {
            schema.STUDY: self.study,
            schema.TRIAL: str(number),
            schema.ATTEMPT: str(attempt),
            schema.ROLE: role,
            schema.STATE: "running",
        }
        run_id = self.record.start_run(f"{self.study}/{number:03d} x", tags, self.parent, params)
        for step in range(max(map(len, curve.values()), default=0)):
            self.record.metrics(run_id, step + 1, {name: curve[name][step] for name in curve})
        status = {"complete": "FINISHED", "pruned": "FINISHED", "dead": "KILLED"}
        self.record.prepare_end(run_id, status.get(state, "FAILED"), {schema.STATE: state}, {})
        self.record.end_run(run_id)
        return run_id


def start(
    record: Record, study: str, objective: str = "val_accuracy", direction: str = "maximize"
) -> Recorded:
    parent = record.start_run(study, {schema.STUDY: study, schema.ROLE: "sweep"})
    record.params(parent, {"objective": objective, "direction": direction})
    return Recorded(record, study, parent)


def optuna_study(folder: Path, name: str, run_id: str) -> Path:
    """Make a root with the Optuna study of a sweep whose own run has this id."""
    folder.mkdir(exist_ok=True)
    study = optuna.create_study(study_name=name, storage=f"sqlite:///{folder / 'optuna.db'}")
    study.set_user_attr("besom.run_id", run_id)
    return folder


@pytest.fixture
def study(root: Path) -> list[str]:
    """Record the study ``small``: a baseline, a better trial, one pruned, one of two attempts.

    Return the ids of the runs that count, by trial.
    """
    with connect(root, None, "besom") as record:
        small = start(record, "small")
        base = {"model.units": 32, "model.name": "gru", "training.learning_rate": 0.001}
        lost = small.trial(3, base | {"model.units": 4}, {"val_accuracy": [0.1]}, "dead")
        assert lost
        return [
            small.trial(0, base, {"val_accuracy": [0.7, 0.8], "loss": [0.6, 0.5]}, role="baseline"),
            small.trial(1, base | {"model.units": 64}, {"val_accuracy": [0.75, 0.85]}),
            small.trial(2, base | {"model.units": 8}, {"val_accuracy": [0.5]}, "pruned"),
            small.trial(3, base | {"model.units": 4}, {"val_accuracy": [0.6, 0.7]}, attempt=2),
        ]
