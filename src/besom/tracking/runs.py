"""Finds, reads and extends runs in the store."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from besom.common.addresses import mask
from besom.common.errors import StoreError
from besom.common.sqlite import is_read_only
from besom.tracking import schema
from besom.tracking.address import BUSY_SECONDS, sqlite_path
from besom.tracking.client import asking
from besom.tracking.reader import ReadRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000


def get_run(client: "MlflowClient", run_id: str) -> ReadRun:
    """Return one run.

    Raises:
        StoreError: the run does not exist, or has been deleted.
        MlflowException: the store cannot be read.
    """
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise StoreError(
            f"run {run_id} is not in the record: {_shown(client.tracking_uri)} has been replaced, "
            "or has lost it for good.\nRestore the store that has it, or sweep under another name."
        ) from error
    if run.info.lifecycle_stage != "active":
        restore = restoring(client.tracking_uri, f"runs restore --run-id {run_id}")
        raise StoreError(
            f"run {run_id} has been deleted.\nRestore it with `{restore}`, or sweep under another "
            "name."
        )
    return read_run(run)


def original_of(client: "MlflowClient", run_id: str) -> "Run":
    """Return the run that holds the files and the model: the repeated run, else the run itself."""
    run = client.get_run(run_id)
    original = run.data.tags.get(schema.DUPLICATE_OF)
    return run if original is None else client.get_run(original)


def log_artifact(uri: str, run_id: str, name: str, file: Path) -> bool:
    """Add a text file to a run that has ended, under ``name``; an older one is replaced.

    Returns:
        False where the record is read-only.

    Raises:
        StoreError: the store does not answer, or refuses the file.
    """
    from mlflow import MlflowClient

    path = sqlite_path(uri)
    if path is not None and is_read_only(path):
        return False
    with asking(uri):
        MlflowClient(uri).log_text(run_id, file.read_text(encoding="utf-8"), name)
    return True


def restoring(uri: str, command: str) -> str:
    """Return a command line of MLflow with this store's address, which is not its default."""
    return f"MLFLOW_TRACKING_URI={shlex.quote(_shown(uri))} mlflow {command}"


def _shown(uri: str) -> str:
    return mask(uri.removesuffix(f"?timeout={BUSY_SECONDS}"))


def search_runs(
    client: "MlflowClient",
    experiment_ids: Sequence[str],
    tags: Mapping[str, str],
    status: str | None = None,
    order: str = "attributes.start_time DESC",
) -> Iterator[ReadRun]:
    """Yield all runs with these tags (and status), newest first unless ``order`` differs."""
    query, token = _query(tags, status), None
    while True:
        page = client.search_runs(
            list(experiment_ids), query, max_results=PAGE, order_by=[order], page_token=token
        )
        for run in page:
            if tags.items() <= run.data.tags.items():
                yield read_run(run)
        token = page.token
        if not token:
            return


def read_run(run: "Run") -> ReadRun:
    """Convert a run of MLflow's client."""
    info, data = run.info, run.data
    return ReadRun(
        info.run_id,
        info.run_name or "",
        info.status,
        (info.start_time or 0) / 1000,
        ended(info.status, info.end_time),
        data.params,
        data.metrics,
        data.tags,
    )


def ended(status: str, end_time: int | None) -> float | None:
    """Return when a run ended (s since 1970), given MLflow's time (ms); None while it runs.

    MLflow keeps the end of a run that was reopened.
    """
    return None if status == schema.RunStatus.RUNNING or not end_time else end_time / 1000


def _query(tags: Mapping[str, str], status: str | None) -> str:
    """Return a filter for MLflow. Tags with a quote, which it cannot escape, are left out."""
    conditions = [f"tags.`{key}` = '{tag}'" for key, tag in tags.items() if "'" not in tag]
    if status:
        conditions.append(f"attributes.status = '{status}'")
    return " AND ".join(conditions)
