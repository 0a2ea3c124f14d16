"""Besom: asynchronous, pruned, resumable hyperparameter sweeps inside plain Hydra.

A running task may call :func:`expect`, :func:`report`, :func:`log`, :func:`table`,
:func:`log_dataset`, :func:`save`, :func:`save_model` and :func:`is_recorded`, and give
:class:`KerasCallback` to Keras' ``fit``. It may see or raise :class:`Pruned`,
:class:`Interrupted` and :class:`UserError`. It may declare :class:`Hooks` with :func:`hooked`.
A :class:`Callback` receives a sweep's events as rows; :class:`Webhook`, :class:`Email` and
:class:`TensorBoard` are such callbacks. :func:`runs` and :func:`curves` return the record as
tables for pandas.

All other names are internal and may change.

Example:
    >>> for epoch in range(1, 11):
    ...     besom.report(epoch, val_loss=1 / epoch)
"""

from besom.common.interpreter import end_at_interrupt

end_at_interrupt()  # before the imports that take time

# ruff: noqa: E402
# isort: split
from importlib import import_module
from typing import TYPE_CHECKING, Any

from besom.common.errors import Interrupted, Pruned, UserError
from besom.session import (
    KerasModel,
    TensorSpec,
    expect,
    is_recorded,
    log,
    log_dataset,
    report,
    save,
    save_model,
    table,
)

if TYPE_CHECKING:
    from besom.app.hooks import Hooks, Packaging, hooked
    from besom.keras_task import KerasCallback
    from besom.results.tables import curves, runs
    from besom.sweep.callbacks.base import Callback
    from besom.sweep.callbacks.mail import Email
    from besom.sweep.callbacks.rows import (
        StudyEnded,
        StudyStarted,
        TrialEnded,
        TrialReported,
        TrialStarted,
        VerdictReached,
    )
    from besom.sweep.callbacks.tensorboard import TensorBoard
    from besom.sweep.callbacks.webhook import Webhook

__version__ = "0.1.0"

__all__ = [
    "Callback",
    "Email",
    "Hooks",
    "Interrupted",
    "KerasCallback",
    "KerasModel",
    "Packaging",
    "Pruned",
    "StudyEnded",
    "StudyStarted",
    "TensorBoard",
    "TensorSpec",
    "TrialEnded",
    "TrialReported",
    "TrialStarted",
    "UserError",
    "VerdictReached",
    "Webhook",
    "__version__",
    "curves",
    "expect",
    "hooked",
    "is_recorded",
    "log",
    "log_dataset",
    "report",
    "runs",
    "save",
    "save_model",
    "table",
]

_ROWS = "besom.sweep.callbacks.rows"

_LATE = {
    "Callback": "besom.sweep.callbacks.base",
    "Email": "besom.sweep.callbacks.mail",
    "TensorBoard": "besom.sweep.callbacks.tensorboard",
    "Webhook": "besom.sweep.callbacks.webhook",
    "Hooks": "besom.app.hooks",
    "KerasCallback": "besom.keras_task",
    "Packaging": "besom.app.hooks",
    "hooked": "besom.app.hooks",
    "StudyEnded": _ROWS,
    "StudyStarted": _ROWS,
    "TrialEnded": _ROWS,
    "TrialReported": _ROWS,
    "TrialStarted": _ROWS,
    "VerdictReached": _ROWS,
    "curves": "besom.results.tables",
    "runs": "besom.results.tables",
}
"""The modules of names that need Keras, OmegaConf or pandas; ``import besom`` loads none."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module `besom` has no attribute `{name}`")
    return getattr(import_module(_LATE[name]), name)


def __dir__() -> list[str]:
    return __all__
