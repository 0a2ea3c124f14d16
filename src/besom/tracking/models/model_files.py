"""Downloads models from the record: those of runs, and those in MLflow's registry."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient, pyfunc
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from besom.common.addresses import mask
from besom.common.errors import StudyError
from besom.common.suggest import did_you_mean, listed
from besom.common.terminal.commands import besom_command
from besom.tracking.address import file_path, readable
from besom.tracking.client import asking
from besom.tracking.models.deleted import how_to_get_back
from besom.tracking.models.logged_model import find_model
from besom.tracking.runs import original_of

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

SCHEME = "models:/"
ALIAS = "champion"
UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's error codes for something that does not exist, or for an invalid name."""


def model_name(study: str) -> str:
    """Return the name of a study's registered model: characters that MLflow refuses become ``~3A``.

    The tilde is used since MLflow's pages would decode a percent sign.
    """
    return re.sub(r"[/:?#%~]|^\.", lambda found: f"~{ord(found[0]):02X}", study)


def address_of(study: str) -> str:
    """Return the address of a study's champion, ``models:/STUDY@champion``."""
    return f"{SCHEME}{model_name(study)}@{ALIAS}"


def model_file(uri: str, run_id: str, folder: Path, flags: str = "") -> Path:
    """Return the ``.keras`` file of a run, or of the run that it repeats; download it into
    ``folder`` where it is not on this machine.

    MLflow looks for ``runs:/ID/model`` in its global store only, whatever address it is given. So
    the file is read from the location that the logged model names.

    Args:
        flags: the flags with which commands find the record, for a message.

    Raises:
        StudyError: the run has no model.
        StoreError: the store does not answer, or has no such run.
    """
    uri = readable(uri)
    client = MlflowClient(uri)
    with asking(uri):
        run = original_of(client, run_id)
        model = find_model(client, run.info.experiment_id, run.info.run_id)
        location = model and f"{model.artifact_location}/data/model.keras"
        file = _fetch(location, uri, folder) if location else None
    if file is None and (gone := how_to_get_back(run.info.run_id, run.data.tags, flags)):
        raise StudyError(gone)
    if file is None:
        raise StudyError(f"run {run_id} has no model; only what was trained to its end has one")
    return file


def registered_model(
    uri: str, address: str, folder: Path, study: str | None = None, flags: str = ""
) -> Path:
    """Return the data path of a registered model, which its code loads; download it into ``folder``
    where it is not on this machine.

    Args:
        uri: the store's address.
        address: ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.
        folder: the folder for downloads.
        study: the study whose champion is asked for, where it is one; for a message.
        flags: the flags with which commands find the record, for a message.

    Raises:
        StudyError: there is no such model, its files are gone, or Python cannot load it.
        StoreError: the store does not answer.
    """
    uri = readable(uri)
    client = MlflowClient(uri)
    with asking(uri):
        version = _find(client, address, study, flags)
        source = client.get_model_version_download_uri(version.name, version.version)
        model = _fetch(source, uri, folder)
        if model is None:
            raise StudyError(f"the files of {address} are gone: there is no {mask(source)}")
        flavor = Model.load(str(model)).flavors.get(pyfunc.FLAVOR_NAME)
        if flavor is None:
            raise StudyError(
                f"{address} was logged without code that reads anything; give a model that "
                "`besom confirm` has registered"
            )
        return model / str(flavor.get("data", ""))


def _find(client: MlflowClient, address: str, study: str | None, flags: str) -> "ModelVersion":
    name, at, alias = address.removeprefix(SCHEME).rpartition("@")
    try:
        if at:
            return client.get_model_version_by_alias(name, alias)
        name, _, number = address.removeprefix(SCHEME).rpartition("/")
        return client.get_model_version(name, number)
    except MlflowException as error:
        if error.error_code not in UNKNOWN:
            raise
        hint = _hint(client, address, study, flags)
        raise StudyError(f"no model `{address}` in the registry; {hint}") from error


def _hint(client: MlflowClient, address: str, study: str | None, flags: str) -> str:
    if study is not None:
        confirm = besom_command("confirm", study, flags=flags)
        return f"`{confirm}` registers the study's champion"
    known = [
        f"{SCHEME}{model.name}@{alias}"
        for model in client.search_registered_models()
        for alias in model.aliases
    ]
    if not known:
        confirm = besom_command("confirm", "STUDY", flags=flags)
        return f"`{confirm}` registers the champion of a study"
    return did_you_mean(address, known, f"there are {listed(known)}")


def _fetch(uri: str, store: str, folder: Path) -> Path | None:
    """Return a file or folder among the artifacts of a store, downloaded where it is not on this
    machine; None where it does not exist."""
    path = file_path(uri)
    if path is not None:
        return path if path.exists() else None
    try:
        return Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=store))
    except MlflowException as error:
        if error.error_code not in UNKNOWN:
            raise
        return None
