"""MLflow in this process: imported quietly, its errors shortened, its state reset after a task.

No usage reports, no chatter, no hour-long retries: all these are defaults; a variable or log level
that the user sets stays.
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
    # The outbox tries again by itself; MLflow's own 7 x 120 s would only hold up the end of a run.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")
UNFIT = (ValueError, OverflowError)
UNFIT_STATUS = (400, 413, 414, 422)
UNFIT_FILES = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP)
ITS_OWN_TYPES = ".*Any type hint is inferred as AnyType"
"""MLflow warns of its own classes when its models are first used; it hides that for as long as no
other thread touches Python's warnings, as Optuna does in ours."""
LEVELS = {
    "mlflow": logging.WARNING,
    "alembic": logging.WARNING,
    # Logs a traceback of its own for every error that it raises as well.
    "mlflow.store.db.utils": logging.CRITICAL,
    # Tells of every attempt to reach a server that is away; the sender says it once.
    "urllib3.connectionpool": logging.ERROR,
}


def import_mlflow() -> None:
    """Import MLflow (one to two seconds, once) with its noise turned down."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    # After the environment, which MLflow reads meanwhile.
    with importing("mlflow.store.db.utils"):
        import mlflow.store.db.utils as database

    # It would make a folder of the name that a SQLite address has with %20 in it, say.
    database._make_parent_dirs_if_sqlite = lambda db_uri: None

    warnings.filterwarnings("ignore", ITS_OWN_TYPES, UserWarning, r"mlflow\.types\.type_hints")
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(level, logger.level))


def reason(error: BaseException) -> str:
    """What is behind an error of MLflow's, in one line: the innermost cause, say "refused"."""
    innermost = error
    while cause := innermost.__cause__ or innermost.__context__:
        innermost = cause
    text = str(innermost).strip() or type(innermost).__name__
    return mask(text.splitlines()[0])


def is_mendable(error: BaseException) -> bool:
    """Whether the store or the network is to blame; both may come back."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, MlflowException | OSError | SQLAlchemyError)


def is_refusal(error: BaseException) -> bool:
    """Whether the fault lies with what was said, which would be refused again and again."""
    from mlflow.exceptions import MlflowException
    from requests import HTTPError

    if isinstance(error, MlflowException):
        # SQLite's own refusals, of text that is none and of numbers too large, are behind it.
        return error.error_code in REFUSALS or isinstance(error.__cause__, UNFIT)
    if isinstance(error, HTTPError) and error.response is not None:
        return error.response.status_code in UNFIT_STATUS
    if isinstance(error, OSError):
        return error.errno in UNFIT_FILES or isinstance(error, shutil.SpecialFileError)
    return isinstance(error, UNFIT)


@contextmanager
def asking(uri: str) -> Iterator[None]:
    """Say plainly that the store does not do what is asked of it, and what helps.

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
    """Say plainly that the store does not take what is to be delivered, and where it is ``kept``.

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
    """Errors that a user can mend, said ``plainly`` with MLflow's reason; others pass."""
    try:
        yield
    except Exception as error:
        if not is_mendable(error):
            raise
        raise StoreError(plainly(reason(error))) from error


@dataclass(frozen=True)
class FluentState:
    """Where ``mlflow.log_param`` and its kin go; None where nothing has been said.

    A call without a run opens one, and that stays active: whatever is logged later goes there.
    """

    tracking_uri: str | None = None
    registry_uri: str | None = None
    experiment_id: str | None = None


def fluent_state() -> FluentState:
    """The state now. Imports MLflow."""
    from mlflow.tracking import fluent
    from mlflow.tracking._model_registry import utils as registry
    from mlflow.tracking._tracking_service import utils as tracking

    return FluentState(tracking._tracking_uri, registry._registry_uri, fluent._active_experiment_id)


def restore_fluent_state(before: FluentState) -> None:
    """End the runs that are active, where they were opened, and go on as ``before``."""
    import mlflow
    from mlflow.tracking import fluent

    while mlflow.active_run():
        with suppress(Exception):  # of another store by now, or one that is away; it is popped
            mlflow.end_run()
    now = fluent_state()
    if now.tracking_uri != before.tracking_uri:
        mlflow.set_tracking_uri(before.tracking_uri)  # type: ignore[arg-type]
    if now.registry_uri != before.registry_uri:
        mlflow.set_registry_uri(before.registry_uri)  # type: ignore[arg-type]
    fluent._active_experiment_id = before.experiment_id  # type: ignore[assignment]
