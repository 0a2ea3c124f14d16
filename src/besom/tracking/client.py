"""Imports MLflow quietly, shortens its errors, and resets its global state after a task.

By default MLflow sends no usage reports here, prints little and does not retry for an hour. A
variable or log level that the user has set stays.
"""

import errno
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from besom.common.addresses import mask
from besom.common.errors import StoreError
from besom.common.interpreter import importing

DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # The outbox retries by itself; MLflow's own 7 x 120 s would only delay the end of a run.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")
UNFIT = (ValueError, OverflowError)
UNFIT_STATUS = (400, 413, 414, 422)
UNFIT_FILES = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP)
ITS_OWN_TYPES = ".*Any type hint is inferred as AnyType"
"""A warning of MLflow about its own classes when its models are first used. MLflow hides it itself,
but only while no other thread changes Python's warning filters, and Optuna does so here."""
LEVELS = {
    "mlflow": logging.WARNING,
    "alembic": logging.WARNING,
    # Logs a traceback for every error that it also raises.
    "mlflow.store.db.utils": logging.CRITICAL,
    # Logs every attempt to reach a server that is down; the sender says it once.
    "urllib3.connectionpool": logging.ERROR,
}


def import_mlflow() -> None:
    """Import MLflow (one to two seconds, once) with its noise turned down."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    # After the environment is set, since MLflow reads it during the import.
    with importing("mlflow.store.db.utils"):
        import mlflow.store.db.utils as database

    # It would create a folder under the encoded name of a SQLite address, with %20 in it say.
    database._make_parent_dirs_if_sqlite = lambda db_uri: None

    warnings.filterwarnings("ignore", ITS_OWN_TYPES, UserWarning, r"mlflow\.types\.type_hints")
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(level, logger.level))


def reason(error: BaseException) -> str:
    """Return the innermost cause of an error of MLflow in one line, "connection refused" say."""
    innermost = error
    while cause := innermost.__cause__ or innermost.__context__:
        innermost = cause
    text = str(innermost).strip() or type(innermost).__name__
    return mask(text.splitlines()[0])


def is_mendable(error: BaseException) -> bool:
    """Return whether an error comes from the store or the network, so that a retry may help."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, MlflowException | OSError | SQLAlchemyError)


def is_refusal(error: BaseException) -> bool:
    """Return whether MLflow refuses the data itself, so that a retry would be refused again."""
    from mlflow.exceptions import MlflowException
    from requests import HTTPError

    if isinstance(error, MlflowException):
        # Its cause is SQLite's own refusal of invalid text or of a number that is too large.
        return error.error_code in REFUSALS or isinstance(error.__cause__, UNFIT)
    if isinstance(error, HTTPError) and error.response is not None:
        return error.response.status_code in UNFIT_STATUS
    if isinstance(error, OSError):
        return error.errno in UNFIT_FILES or isinstance(error, shutil.SpecialFileError)
    return isinstance(error, UNFIT)


@contextmanager
def asking(uri: str) -> Iterator[None]:
    """Turn errors of a request to the store into one that says what failed and what helps.

    Raises:
        StoreError: MLflow or the network raised an error.
    """

    def plainly(said: str) -> str:
        way_on = "Make sure that it is up and can be written"
        if said.endswith("Current state is deleted."):
            way_on = "Restore it (`mlflow experiments restore`, `mlflow runs restore`)"
        return (
            f"tracking.uri={mask(uri)} does not answer as it should: {said}\n"
            f"{way_on}, then give the same command again."
        )

    with _mendable_errors(plainly):
        yield


@contextmanager
def delivering(uri: str, kept: Path) -> Iterator[None]:
    """Turn errors of a delivery into one that says what failed, and where the data is ``kept``.

    Raises:
        StoreError: MLflow or the network raised an error.
    """

    def plainly(said: str) -> str:
        return (
            f"{mask(uri)} does not take the record: {said}\n"
            f"Nothing is lost: it is kept in {kept}, and `besom sync` delivers it."
        )

    with _mendable_errors(plainly):
        yield


@contextmanager
def _mendable_errors(plainly: Callable[[str], str]) -> Iterator[None]:
    """Raise errors that a user can mend as the message of ``plainly``; others pass unchanged."""
    try:
        yield
    except Exception as error:
        if not is_mendable(error):
            raise
        raise StoreError(plainly(reason(error))) from error


@dataclass(frozen=True)
class FluentState:
    """Where ``mlflow.log_param`` and similar calls write; None for what has not been set.

    A call without an active run opens one, and this stays active for whatever is logged later.
    """

    tracking_uri: str | None = None
    registry_uri: str | None = None
    experiment_id: str | None = None


def fluent_state() -> FluentState:
    """Return the present state. Imports MLflow."""
    from mlflow.tracking import fluent
    from mlflow.tracking._model_registry import utils as registry
    from mlflow.tracking._tracking_service import utils as tracking

    return FluentState(tracking._tracking_uri, registry._registry_uri, fluent._active_experiment_id)


def restore_fluent_state(before: FluentState) -> None:
    """End the active runs in the store where they were opened, and restore the state ``before``."""
    import mlflow
    from mlflow.tracking import fluent

    while mlflow.active_run():
        with suppress(Exception):  # its store has changed or is down; MLflow pops the run
            mlflow.end_run()
    now = fluent_state()
    if now.tracking_uri != before.tracking_uri:
        mlflow.set_tracking_uri(before.tracking_uri)  # type: ignore[arg-type]
    if now.registry_uri != before.registry_uri:
        mlflow.set_registry_uri(before.registry_uri)  # type: ignore[arg-type]
    fluent._active_experiment_id = before.experiment_id  # type: ignore[assignment]
