"""MLflow's fluent state, ``mlflow.log_param`` and its kin, which a task leaves to its process.

A call without a run opens one, and that stays active: whatever is logged later goes there.
"""

from contextlib import suppress
from dataclasses import dataclass

import mlflow
from mlflow.tracking import fluent
from mlflow.tracking._model_registry import utils as registry
from mlflow.tracking._tracking_service import utils as tracking


@dataclass(frozen=True)
class Fluent:
    """Where fluent calls go; None where nothing has been said."""

    tracking_uri: str | None = None
    registry_uri: str | None = None
    experiment_id: str | None = None


def remember() -> Fluent:
    return Fluent(tracking._tracking_uri, registry._registry_uri, fluent._active_experiment_id)


def restore(before: Fluent) -> None:
    """End the runs that are active, where they were opened, and go on as ``before``."""
    while mlflow.active_run():
        with suppress(Exception):  # of another store by now, or one that is away; it is popped
            mlflow.end_run()
    if tracking._tracking_uri != before.tracking_uri:
        mlflow.set_tracking_uri(before.tracking_uri)
    if registry._registry_uri != before.registry_uri:
        mlflow.set_registry_uri(before.registry_uri)
    fluent._active_experiment_id = before.experiment_id  # type: ignore[assignment]
