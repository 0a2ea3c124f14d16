"""Connects Keras to a session: reports the epochs of any ``fit``, and saves a model in memory.

This is the only module outside the workload that imports Keras; ``import besom`` does not load it.
If it is the first to import TensorFlow, it suppresses the lines that TensorFlow writes then.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from besom import session
from besom.common.errors import Stop
from besom.common.keras_model import KerasModel, Tensors, TensorSpec
from besom.common.stdout import TENSORFLOW_LEVEL, TENSORFLOW_SILENT, standard_error_shut
from besom.common.text import number

if "tensorflow" not in sys.modules:
    os.environ.setdefault(TENSORFLOW_LEVEL, TENSORFLOW_SILENT)
with standard_error_shut():
    import keras

MODEL_FILE = "besom_model.keras"

log = logging.getLogger(__name__)


class KerasCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Reports each epoch of Keras' ``fit``, so that a sweep shows it and its pruner can end it.

    Each number of the epoch's logs is reported under its name, as :func:`besom.report` does:
    ``loss``, ``val_loss``, compiled metrics, and what earlier callbacks add. A value that is no
    single number, such as the F1 of each class, is left out. The pruner uses the objective;
    ``hydra.sweeper.objective=val_accuracy`` names it where the task does not return it alone.

    Steps are epochs, from 1; with ``initial_epoch=3`` the first is 4. A further ``fit`` in the
    same task, such as that of the next fold, continues the count of the one before it. The callback
    calls :func:`besom.expect` with the epochs to come, unless the task already expects more.

    It is best placed last among the callbacks. Where the trial is to end, the fit stops after that
    epoch, and the other callbacks see its regular end. Without a sweep it does nothing.

    Raises:
        besom.Pruned: raised by ``fit`` when the sweep's pruner ends this trial.
        besom.Interrupted: raised by ``fit`` when the sweep is stopping.

    Examples:
        >>> history = network.fit(x, y, epochs=3, verbose=0, callbacks=[besom.KerasCallback()])
    """

    def __init__(self) -> None:
        super().__init__()
        self._before: int | None = None
        """The steps of earlier fits; set when the first epoch of this fit begins."""
        self._stop: Stop | None = None
        self._left_out: set[str] = set()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Forget the fit before this one."""
        self._before = self._stop = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """At the first epoch, counted from 0, find the fit's first step and expect its epochs."""
        if self._before is not None or not session.is_recorded():
            return
        steps = session.steps()
        self._before = max(0, steps.done - epoch)
        expected = self._before + ((self.params or {}).get("epochs") or 0)
        if expected > steps.expected:
            session.expect(expected)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report the epoch; where the trial is to end, stop the fit before its next epoch."""
        if self._before is None:
            return
        try:
            session.report(self._before + epoch + 1, **self._numbers(logs or {}))
        except Stop as stop:
            self._stop = stop
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Raise the reason in the task if its fit has ended early."""
        stop, self._stop = self._stop, None
        if stop is not None:
            raise stop

    def _numbers(self, logs: Mapping[str, Any]) -> dict[str, float]:
        numbers = {}
        for name, value in logs.items():
            try:
                numbers[name] = number(name, value)
            except TypeError:
                self._leave_out(name)
        return numbers

    def _leave_out(self, name: str) -> None:
        if name not in self._left_out:
            self._left_out.add(name)
            log.warning("%s is no single number, and is not reported", name)


def saved(model: keras.Model) -> KerasModel:
    """Write a model into the job's folder, or into a temporary one where Hydra runs no job."""
    path = _folder() / MODEL_FILE
    model.save(path)
    return KerasModel(path, _side(model, "input"), _side(model, "output"))


def _folder() -> Path:
    if HydraConfig.initialized():
        return Path(HydraConfig.get().runtime.output_dir)
    return Path(tempfile.mkdtemp(prefix="besom-"))


def _side(model: keras.Model, side: str) -> Tensors:
    """Return a model's inputs or outputs; None for a subclassed model, which does not know them."""
    try:
        tensors = getattr(model, f"{side}s")
    except AttributeError:
        return None
    if len(tensors) == 1:
        return _spec(tensors[0])
    whole = getattr(model, side)
    if not isinstance(whole, Mapping) or not all(map(keras.utils.is_keras_tensor, whole.values())):
        names = getattr(model, f"{side}_names", [tensor.name for tensor in tensors])
        whole = dict(zip(names, tensors, strict=True))
    return {name: _spec(tensor) for name, tensor in whole.items()}


def _spec(tensor: keras.KerasTensor) -> TensorSpec:
    dtype = "str" if tensor.dtype == "string" else str(tensor.dtype)  # NumPy's word for text
    return TensorSpec(tuple(tensor.shape), dtype)
