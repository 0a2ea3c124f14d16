"""Deletes models from the store, noted in a tag of their runs, and puts models back."""

from collections.abc import Iterable, Mapping

from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from besom.common.terminal.commands import besom_command
from besom.session import KerasModel
from besom.tracking import schema
from besom.tracking.client import asking
from besom.tracking.models.logged_model import find_model, log_model


def delete_model(client: MlflowClient, run_id: str, why: str) -> bool:
    """Delete the model of a run and its files, and say why in a tag; return whether it did so.

    A registered model stays, whichever alias it has. The tag is set first and the model's entry in
    the store deleted last, so that after a kill in between the deletion can be repeated.
    """
    experiment_id = client.get_run(run_id).info.experiment_id
    model = find_model(client, experiment_id, run_id)
    if model is None or client.search_model_versions(f"run_id = '{run_id}'"):
        return False
    client.set_tag(run_id, schema.MODEL_DELETED, why)
    get_artifact_repository(model.artifact_location).delete_artifacts()
    client.delete_logged_model(model.model_id)
    return True


def deletable(uri: str, run_ids: Iterable[str]) -> dict[str, int]:
    """Return which of these runs have a model that is not registered, and its size in bytes.

    Raises:
        StoreError: the store does not answer.
    """
    client, found = MlflowClient(uri), {}
    with asking(uri):
        for run_id in run_ids:
            model = find_model(client, client.get_run(run_id).info.experiment_id, run_id)
            if model and not client.search_model_versions(f"run_id = '{run_id}'"):
                found[run_id] = _size(model)
    return found


def delete_models(uri: str, run_ids: Iterable[str], why: str) -> None:
    """Delete the models of runs, see :func:`delete_model`.

    Raises:
        StoreError: the store does not answer, or refuses.
    """
    client = MlflowClient(uri)
    with asking(uri):
        for run_id in run_ids:
            delete_model(client, run_id, why)


def _size(model: LoggedModel) -> int:
    """Return the size of a model's files in bytes."""
    files = get_artifact_repository(model.artifact_location)

    def below(path: str | None) -> int:
        found = files.list_artifacts(path)
        return sum(below(one.path) if one.is_dir else one.file_size or 0 for one in found)

    return below(None)


def put_back(uri: str, run_id: str, model: KerasModel) -> None:
    """Log a model that was trained again as the model of its run.

    Raises:
        StoreError: the store does not answer, or refuses the model.
    """
    client = MlflowClient(uri)
    with asking(uri):
        run = client.get_run(run_id)
        log_model(client, run.info.experiment_id, run_id, model)
        if schema.MODEL_DELETED in run.data.tags:
            client.delete_tag(run_id, schema.MODEL_DELETED)


def how_to_get_back(run_id: str, tags: Mapping[str, str], flags: str = "") -> str:
    """Return why a run's model was deleted, and in a second line the command that trains it again;
    empty where it was not deleted.

    Args:
        flags: the flags of the record; see :func:`besom.common.terminal.commands.record_flags`.
    """
    if (why := tags.get(schema.MODEL_DELETED)) is None:
        return ""
    command = besom_command("reproduce", run_id, "--restore-model", flags=flags)
    return f"the model of run {run_id} was deleted ({why}); to have it back:\n{command}"
