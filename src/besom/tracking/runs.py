"""Finding runs in the store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from besom.errors import StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000
KEY = "besom.key"
"""The tag that keeps by which name its creator asked for a run, see ``latecomers``."""


@dataclass(frozen=True)
class RunInfo:
    """A run as the store knows it; ``status`` is RUNNING, FINISHED, FAILED or KILLED."""

    run_id: str
    name: str
    status: str
    tags: Mapping[str, str]

    @property
    def key(self) -> str:
        """Its name before the store had given it one; several runs may have the same."""
        return self.tags.get(KEY, "")


def get_run(client: "MlflowClient", run_id: str) -> RunInfo:
    """One run.

    Raises:
        StoreError: it is not there, or has been deleted.
        MlflowException: the store cannot be asked.
    """
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise StoreError(f"run {run_id} is not in the record: {error.message}") from error
    if run.info.lifecycle_stage != "active":
        raise StoreError(
            f"run {run_id} has been deleted.\nRestore it with "
            f"`mlflow runs restore --run-id {run_id}`, or use another name for the study."
        )
    return _info(run)


def find_runs(
    client: "MlflowClient", experiment_id: str, tags: Mapping[str, str], status: str | None
) -> Iterator[RunInfo]:
    """All runs of an experiment with these tags (and status), newest first."""
    query, token = _query(tags, status), None
    while True:
        page = client.search_runs([experiment_id], query, max_results=PAGE, page_token=token)
        for run in page:
            if tags.items() <= run.data.tags.items():
                yield _info(run)
        token = page.token
        if not token:
            return


def _info(run: "Run") -> RunInfo:
    return RunInfo(run.info.run_id, run.info.run_name or "", run.info.status, dict(run.data.tags))


def _query(tags: Mapping[str, str], status: str | None) -> str:
    """MLflow's filter language cannot quote a quote: such tags are compared afterwards only."""
    conditions = [f"tags.`{key}` = '{tag}'" for key, tag in tags.items() if "'" not in tag]
    if status:
        conditions.append(f"attributes.status = '{status}'")
    return " AND ".join(conditions)
