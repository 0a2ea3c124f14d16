"""Implements ``training.checkpoint=true``: an interrupted training resumes after its last epoch.

The file is replaced atomically after every epoch, so that a kill leaves the state of this epoch or
of the one before. It holds everything that the next epoch depends on: weights, the states of random
generators, the optimizer's variables. The order of the reviews depends only on seed and epoch.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from besom.common.errors import Interrupted
from besom.rnn.fit import EarlyStopping, Epoch

if TYPE_CHECKING:
    import keras

NAME = "checkpoint.npz"

log = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[np.generic]]


class Checkpoint:
    """Keeps a training's state in a file, which is deleted after the ``with`` block unless the
    training was interrupted.

    Args:
        identity: everything that the training depends on; the file of another one is not used.
        variables: everything that an epoch changes.
        stopping: holds the best epoch so far and its weights.
    """

    def __init__(
        self,
        file: Path,
        identity: str,
        variables: "Sequence[keras.Variable]",
        stopping: EarlyStopping,
    ) -> None:
        self._file = file
        self._identity = hashlib.sha256(identity.encode()).hexdigest()
        self._variables = variables
        self._stopping = stopping
        self._epochs: list[Epoch] = []

    def restore(self) -> list[Epoch]:
        """Restore the state, and return the completed epochs; none where there is no checkpoint."""
        if (arrays := self._read()) is None or not self._fits(arrays):
            return []
        epochs = [Epoch(**epoch) for epoch in json.loads(str(arrays["epochs"]))]
        for number, variable in enumerate(self._variables):
            variable.assign(arrays[f"variable_{number}"])
        weights = [arrays[name] for name in sorted(arrays) if name.startswith("best_")]
        self._stopping.go_on(epochs, weights)
        self._epochs = epochs
        return list(epochs)

    def keep(self, epoch: Epoch) -> None:
        """Write the state after an epoch that ``stopping`` has seen; warn where that fails."""
        self._epochs.append(epoch)
        arrays: dict[str, Any] = {"identity": self._identity}
        arrays |= {f"variable_{i}": np.asarray(v) for i, v in enumerate(self._variables)}
        arrays |= {f"best_{i:03d}": np.asarray(w) for i, w in enumerate(self._stopping.weights)}
        arrays["epochs"] = json.dumps([asdict(epoch) for epoch in self._epochs])
        draft = self._file.with_name(f".{self._file.name}")
        try:
            with draft.open("wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file)
        except OSError as error:  # a full disk, say: the training continues without
            log.warning("epoch %d is not kept: %s", epoch.number, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, Interrupted | KeyboardInterrupt):
            self._file.unlink(missing_ok=True)

    def _fits(self, arrays: Arrays) -> bool:
        """Return whether the file has a state for each variable. Shapes may differ where a function
        of the user's own reads more than its configuration, a file of vectors say."""
        kept = [arrays[name].shape for name in arrays if name.startswith("variable_")]
        if kept == [tuple(variable.shape) for variable in self._variables]:
            return True
        log.warning("%s is of another network; the training begins anew", self._file)
        return False

    def _read(self) -> Arrays | None:
        try:
            with np.load(self._file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except FileNotFoundError:
            return None
        except Exception as error:  # zipfile, zlib and NumPy raise a dozen types for a torn file
            log.warning("%s is damaged (%s); the training begins anew", self._file, error)
            return None
        return arrays if str(arrays.get("identity")) == self._identity else None
