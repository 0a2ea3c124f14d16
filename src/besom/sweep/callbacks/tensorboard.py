"""Writes the trials of a sweep for TensorBoard, with TensorBoard's own library."""

import importlib.util
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from besom.common.errors import ConfigError
from besom.sweep.callbacks.base import Callback
from besom.sweep.callbacks.rows import StudyStarted, TrialEnded, TrialReported, TrialStarted

if TYPE_CHECKING:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

FINAL = "final"
"""The prefix of the values that a trial has returned; its reports have none."""


class TensorBoard(Callback):
    """Writes each trial's parameters, reports and results as a run for TensorBoard.

    ``tensorboard --logdir mlruns/tensorboard`` shows the reports' curves, and in its tab HParams
    the trials as a table, parallel coordinates and a matrix. The values that a trial has returned
    have names that begin with ``final/``. Confirmations are left out. Needs the extra
    ``besom[tensorboard]``.

    Args:
        folder: where each study gets a folder, with one for each trial; if None, ``tensorboard``
            below the sweep's root.

    Raises:
        ConfigError: TensorBoard is not installed.

    Examples:
        >>> board = besom.TensorBoard("runs")
    """

    def __init__(self, folder: str | None = None) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise ConfigError(
                "TensorBoard is not installed: pip install '.[tensorboard]' in Besom's folder"
            )
        self._given = folder
        self._folder = Path()
        self._writers: dict[str, EventFileWriter] = {}
        self._last_steps: dict[str, int] = {}

    def on_study_start(self, study: StudyStarted) -> None:
        folder = Path(study.root, "tensorboard") if self._given is None else Path(self._given)
        self._folder = (folder / study.study).absolute()

    def on_trial_start(self, trial: TrialStarted) -> None:
        if trial.role == "confirmation":
            return
        folder = self._folder / f"{trial.number:03d}"
        for file in folder.glob("events.out.tfevents.*"):  # of an earlier attempt that was lost
            file.unlink()
        _import_without_tensorflow()
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writers[trial.run_id] = EventFileWriter(str(folder))
        summary = hparams_pb(_shown(trial.params), trial_id=str(trial.number))
        self._add(trial.run_id, summary, 0)

    def on_report(self, report: TrialReported) -> None:
        self._last_steps[report.run_id] = report.step
        self._scalars(report.run_id, report.metrics, report.step)

    def on_trial_end(self, trial: TrialEnded) -> None:
        step = self._last_steps.pop(trial.run_id, 0)
        found = {**trial.metrics, **trial.values}
        self._scalars(trial.run_id, {f"{FINAL}/{k}": value for k, value in found.items()}, step)
        if writer := self._writers.get(trial.run_id):
            self._add(trial.run_id, _session_end(trial.state), step)
            writer.close()
            del self._writers[trial.run_id]

    def _scalars(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        if run_id not in self._writers:
            return
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        for name, value in metrics.items():
            self._add(run_id, scalar_pb(name, value), step)
        self._writers[run_id].flush()

    def _add(self, run_id: str, summary: Any, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), step=step, summary=summary)
        self._writers[run_id].add_event(event)


def _import_without_tensorflow() -> None:
    """Keep TensorBoard from importing TensorFlow, which takes seconds and half a gigabyte.

    TensorBoard writes events without TensorFlow if a module of this name can be imported; its
    builds without TensorFlow contain one.
    """
    name = "tensorboard.compat.notf"
    sys.modules.setdefault(name, ModuleType(name))


def _shown(params: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    plain = (bool, int, float, str)
    return {k: value if isinstance(value, plain) else str(value) for k, value in params.items()}


def _session_end(state: str) -> Any:
    """Return the summary by which HParams shows that a trial has ended, and how."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_FAILURE if state == "failed" else api_pb2.STATUS_SUCCESS
    ended = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
    data = plugin_data_pb2.HParamsPluginData(session_end_info=ended)
    about = metadata.create_summary_metadata(data)
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR
    )
    return Summary(value=[value])
