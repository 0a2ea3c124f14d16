"""A run that repeats another one's configuration: it says which, and how that one ended.

Its tag ``besom.duplicate_of`` names that run, which alone has the files, the model and the course
of the metrics.
"""

from typing import TYPE_CHECKING

from besom.tracking import schema
from besom.tracking.outbox.sender import NotYet

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class OriginalGone(Exception):
    """The run that is repeated will never be there again."""


def repeat(client: "MlflowClient", run_id: str, original_id: str) -> None:
    """Give a run the parameters, facts and final metrics of the one that it repeats.

    Tags that say which run it is (``besom.…``, ``mlflow.…``) stay each run's own.

    Raises:
        NotYet: the original has not been closed.
        OriginalGone: it has been deleted for good, or before it was closed.
    """
    from mlflow.entities import Param, RunTag

    from besom.tracking.models.keras_model import final_metrics

    found = _closed(client, original_id)
    original = _closed(client, found.data.tags.get(schema.DUPLICATE_OF, original_id))
    facts = {
        name: text
        for name, text in original.data.tags.items()
        if not name.startswith(("besom.", "mlflow."))
    }
    tags = [RunTag(*fact) for fact in (facts | {schema.DUPLICATE_OF: original.info.run_id}).items()]
    params = [Param(name, value) for name, value in original.data.params.items()]
    client.log_batch(run_id, final_metrics(client, original), params, tags)


def original_of(client: "MlflowClient", run_id: str) -> "Run":
    """The run that has the files and the model: the one that is repeated, else the run itself."""
    run = client.get_run(run_id)
    original = run.data.tags.get(schema.DUPLICATE_OF)
    return run if original is None else client.get_run(original)


def _closed(client: "MlflowClient", run_id: str) -> "Run":
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise OriginalGone(f"run {run_id}") from error
    if run.info.status == schema.RunStatus.RUNNING:
        if run.info.lifecycle_stage == "deleted":
            raise OriginalGone(f"run {run_id}")
        raise NotYet(f"run {run_id} is still open")
    return run
