"""A run that repeats another one's configuration, and so shares its numbers and its model."""

import os
from pathlib import Path
from shutil import copy2
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel, LoggedModelStatus, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from besom.tracking.address import file_path
from besom.tracking.courier import NotYet
from besom.tracking.limits import METRICS
from besom.tracking.model import find_model, logged_model


class SourceGone(Exception):
    """The source run, or its model's files, will never be there again."""


def copy_record(client: MlflowClient, run_id: str, source_run_id: str) -> None:
    """Log again what the source run tells: parameters, facts, metrics with times, and files.

    Tags that say which run it is (``besom.…``, ``mlflow.…``) stay each run's own.

    Raises:
        NotYet: the source run has not been closed.
        SourceGone: it has been deleted for good, or before it was closed.
    """
    source = _source(client, source_run_id)
    params = [Param(name, value) for name, value in source.data.params.items()]
    facts = {
        name: text
        for name, text in source.data.tags.items()
        if not name.startswith(("besom.", "mlflow."))
    }
    client.log_batch(run_id, params=params, tags=[RunTag(*fact) for fact in facts.items()])
    _copy_metrics(client, run_id, source)
    with TemporaryDirectory() as folder:
        for file in client.list_artifacts(source_run_id):
            if not file.is_dir:
                path = client.download_artifacts(source_run_id, file.path, folder)
                client.log_artifact(run_id, path)


def _copy_metrics(client: MlflowClient, run_id: str, source: Run) -> None:
    history = [
        metric
        for name in source.data.metrics
        for metric in client.get_metric_history(source.info.run_id, name)
    ]
    for start in range(0, len(history), METRICS):
        client.log_batch(run_id, metrics=history[start : start + METRICS])


def _source(client: MlflowClient, source_run_id: str) -> Run:
    try:
        source = client.get_run(source_run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise SourceGone(f"run {source_run_id}") from error
    if source.info.status == "RUNNING":
        if source.info.lifecycle_stage == "deleted":
            raise SourceGone(f"run {source_run_id}")
        raise NotYet(f"run {source_run_id} is still open")
    return source


def share_model(client: MlflowClient, experiment_id: str, run_id: str, source_run_id: str) -> None:
    """Let ``runs:/RUN_ID/model`` be the model of ``source_run_id``, if that has one.

    MLflow finds a run's model by its source run, so the run needs a logged model of its own; its
    files are hard links where the store is a local folder, and uploaded copies elsewhere.

    Raises:
        SourceGone: the model's files have been removed.
    """
    source = find_model(client, experiment_id, source_run_id)
    if source is None:
        return
    origin = file_path(source.artifact_location)
    if origin is not None and not origin.exists():
        raise SourceGone(str(origin))
    logged = logged_model(client, experiment_id, run_id)
    files = Path(
        download_artifacts(artifact_uri=source.artifact_location, tracking_uri=client.tracking_uri)
    )
    if (target := file_path(logged.artifact_location)) is not None:
        _link(files, target, logged)
    else:
        with TemporaryDirectory() as folder:
            _link(files, Path(folder), logged)
            client.log_model_artifacts(logged.model_id, folder)
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def _link(source: Path, target: Path, logged: LoggedModel) -> None:
    """All files of ``source`` in ``target`` too, except the one that says whose model it is."""
    for file in source.rglob("*"):
        twin = target / file.relative_to(source)
        if file.is_file() and file.name != "MLmodel" and not twin.exists():
            twin.parent.mkdir(parents=True, exist_ok=True)
            _link_file(file, twin)
    mlmodel = Model.load(str(source))
    mlmodel.run_id = logged.source_run_id
    mlmodel.model_id = mlmodel.model_uuid = logged.model_id
    mlmodel.artifact_path = logged.artifact_location
    mlmodel.save(target / "MLmodel")


def _link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        copy2(source, target)
