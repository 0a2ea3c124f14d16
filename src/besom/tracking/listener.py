"""From a task in this process to its run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from besom.recorder import KerasModel
from besom.tracking.record import Record


class RunListener:
    """Writes what a task tells to one run. Never stops the task."""

    def __init__(self, record: Record, run_id: str) -> None:
        self._record = record
        self._run_id = run_id

    def expect(self, steps: int) -> None:
        """How long a single run will take is not shown."""

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self._record.metrics(self._run_id, step, metrics)

    def log(self, values: Mapping[str, float | str]) -> None:
        self._record.log(self._run_id, values)

    def save(self, path: Path) -> None:
        self._record.file(self._run_id, path)

    def save_model(self, model: KerasModel) -> None:
        self._record.model(self._run_id, model)

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        self._record.table(self._run_id, name, rows)
