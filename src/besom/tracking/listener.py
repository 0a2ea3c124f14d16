"""Writes what a task reports, logs and saves to its run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from besom.common.flatten import flatten
from besom.common.terminal.steps import ShownSteps
from besom.session import KerasModel, LoggedDataset
from besom.tracking import schema
from besom.tracking.environment import Environment
from besom.tracking.record import Record


class RunListener:
    """Writes the calls of a task to one run. Never stops the task.

    Args:
        shown: also shows the task's steps on the terminal.
    """

    def __init__(self, record: Record, run_id: str, shown: ShownSteps | None = None) -> None:
        self._record = record
        self._run_id = run_id
        self._shown = shown

    def expect(self, steps: int) -> None:
        if self._shown:
            self._shown.expect(steps)

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        if self._shown:
            self._shown.report(step, metrics)
        self._record.metrics(self._run_id, step, metrics)

    def log(self, values: Mapping[str, float | str]) -> None:
        self._record.log(self._run_id, values)

    def save(self, path: Path) -> None:
        self._record.file(self._run_id, path)

    def save_model(self, model: KerasModel) -> None:
        self._record.model(self._run_id, model)

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        self._record.table(self._run_id, name, rows)

    def log_dataset(self, dataset: LoggedDataset) -> None:
        self._record.dataset(self._run_id, dataset)


def parameters(config: DictConfig) -> dict[str, Any]:
    """Return flat parameters under dotted names, without those that do not affect the result."""
    return {
        name: value
        for name, value in flatten(config).items()
        if not name.startswith(("tracking.", "hydra."))
    }


def describe(
    record: Record,
    run_id: str,
    params: Mapping[str, Any],
    config: str,
    overrides: Sequence[str],
    environment: Environment,
    folder: Path,
    groups: Mapping[str, str],
    placed: Mapping[str, str],
) -> None:
    """Record the configuration and environment of a run.

    Args:
        params: the parameters that affect the result, under dotted names.
        config: the whole configuration, resolved, as YAML.
        overrides: the overrides of its command line.
        environment: only its texts are written here; its tags are written as the run is created.
        folder: where the job works and logs.
        groups: the chosen option of each config group.
        placed: where the task runs, see :func:`besom.tracking.schema.placed`.
    """
    job = {schema.FOLDER: str(folder), schema.GROUPS: json.dumps(dict(groups))}
    record.log(run_id, {**job, **placed})
    record.params(run_id, params)
    record.text(run_id, schema.CONFIG_FILE, config)
    record.text(run_id, schema.OVERRIDES_FILE, OmegaConf.to_yaml(list(overrides)))
    for path, text in environment.texts.items():
        record.text(run_id, path, text)
