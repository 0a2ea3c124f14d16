"""Models out of the record: those of runs, and those of MLflow's registry."""

import re
import shlex
from pathlib import Path
from shutil import copyfile, copytree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from mlflow import MlflowClient, pyfunc
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from besom.addresses import mask
from besom.errors import StudyError
from besom.nearest import did_you_mean, listed
from besom.tracking.address import check_artifacts, file_path, readable
from besom.tracking.model import DIGEST, digest_of, find_model
from besom.tracking.quiet import asking

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

SCHEME = "models:/"
ALIAS = "champion"
UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""How MLflow says that there is no such thing, or none with such a name."""


def model_name(study: str) -> str:
    """The registered model of a study: its name, with characters that MLflow refuses as ``~3A``.

    A percent sign, as in addresses, would be taken apart by MLflow's pages.
    """
    return re.sub(r"[/:?#%~]|^\.", lambda found: f"~{ord(found[0]):02X}", study)


def address_of(study: str) -> str:
    """``models:/STUDY@champion``."""
    return f"{SCHEME}{model_name(study)}@{ALIAS}"


def model_file(uri: str, run_id: str, folder: Path) -> Path:
    """The ``.keras`` file of a run, as it was when it was saved: a copy in ``folder``.

    MLflow looks for ``runs:/ID/model`` in its global store only, whatever address it is given, so
    the file is taken from where the logged model says that it is.

    Raises:
        StudyError: the run has no model, or another one than it recorded.
        StoreError: the store does not answer, has no such run, or keeps it where we fetch nothing.
    """
    uri = readable(uri)
    client = MlflowClient(uri)
    with asking(uri):
        run = client.get_run(run_id)
        model = find_model(client, run.info.experiment_id, run_id)
        location = model and f"{model.artifact_location}/data/model.keras"
        file = _fetch(location, uri, folder) if location else None
    if file is None:
        raise StudyError(f"run {run_id} has no model; only what was trained to its end has one")
    _verify(file, run)
    return file


def registered_model(uri: str, address: str, folder: Path, study: str | None = None) -> Path:
    """What the code of a registered model reads, its network as its run recorded it: a copy in
    ``folder``.

    Args:
        uri: the store.
        address: ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.
        folder: where to put it.
        study: whose champion it would be, where one is asked for.

    Raises:
        StudyError: there is no such model, its files are gone or changed, or Python cannot load it.
        StoreError: the store does not answer, or keeps it where we fetch nothing.
    """
    uri = readable(uri)
    client = MlflowClient(uri)
    with asking(uri):
        version = _find(client, address, study)
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
        contents = model / str(flavor.get("data", ""))
        if not contents.resolve().is_relative_to(model.resolve()):  # no digest covers this word
            raise StudyError(f"{address} names files outside of itself; have it registered anew")
        for network in model.rglob("*.keras"):
            _verify(network, client.get_run(str(version.run_id)))
        return contents


def _find(client: MlflowClient, address: str, study: str | None) -> "ModelVersion":
    name, at, alias = address.removeprefix(SCHEME).rpartition("@")
    try:
        if at:
            return client.get_model_version_by_alias(name, alias)
        name, _, number = address.removeprefix(SCHEME).rpartition("/")
        return client.get_model_version(name, number)
    except MlflowException as error:
        if error.error_code not in UNKNOWN:
            raise
        hint = _hint(client, address, study)
        raise StudyError(f"no model `{address}` in the registry; {hint}") from error


def _hint(client: MlflowClient, address: str, study: str | None) -> str:
    if study is not None:
        return f"`besom confirm {shlex.quote(study)}` registers the study's champion"
    known = [
        f"{SCHEME}{model.name}@{alias}"
        for model in client.search_registered_models()
        for alias in model.aliases
    ]
    if not known:
        return "`besom confirm STUDY` registers the champion of a study"
    return did_you_mean(address, known, f"there are {listed(known)}")


def _verify(file: Path, run: "Run") -> None:
    """Refuse a model that is not the one that its run recorded: loading one is running it."""
    recorded, found = run.data.tags.get(DIGEST), digest_of(file)
    if recorded is None:
        raise StudyError(
            f"run {run.info.run_id} recorded no digest of its model, as Besom did not at first.\n"
            "Train it again; what has no digest is not loaded."
        )
    if found != recorded:
        raise StudyError(
            f"the model of run {run.info.run_id} is not the one that it recorded: SHA-256 "
            f"{found[:12]}… instead of {recorded[:12]}….\n"
            "It was damaged or changed, and is not loaded; train it again, or restore its file."
        )


def _fetch(uri: str, store: str, folder: Path) -> Path | None:
    """A copy of a file or folder among the artifacts of a store, so that it does not change between
    a look at it and its use; None where there is no such thing.

    Raises:
        StoreError: it is where we fetch nothing.
    """
    check_artifacts(uri, store)
    path = file_path(uri)
    if path is not None:
        return _copy(path, Path(mkdtemp(dir=folder), path.name)) if path.exists() else None
    try:
        return Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=store))
    except MlflowException as error:
        if error.error_code not in UNKNOWN:
            raise
        return None


def _copy(path: Path, target: Path) -> Path:
    if path.is_dir():
        return Path(copytree(path, target))
    return Path(copyfile(path, target))
