"""Registers models in MLflow: one registered model per study, its best with the alias ``champion``.

Importing this module takes a second or two. Registering needs no TensorFlow and starts no process.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlflow import MlflowClient, pyfunc
from mlflow.entities import LoggedModel, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType
from omegaconf import DictConfig, OmegaConf

from besom.app.hooks import Packaging, PackModel
from besom.tracking import schema
from besom.tracking.client import asking
from besom.tracking.models.logged_model import find_model, logged_model, pin
from besom.tracking.models.model_files import ALIAS, address_of, model_file, model_name
from besom.tracking.record import Record
from besom.tracking.runs import original_of

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class Champion:
    """The model of a run that is to be registered for a study.

    ``trial`` is the number of the trial whose configuration won, ``verdict`` the sentence of the
    confirmation, ``run_id`` the run that holds the model.
    """

    study: str
    trial: int
    run_id: str
    verdict: str

    @property
    def description(self) -> str:
        return f"Trial {self.trial} of {self.study}. {self.verdict}"

    @property
    def tags(self) -> dict[str, str]:
        return {
            schema.STUDY: self.study,
            schema.TRIAL: str(self.trial),
            schema.RUN: self.run_id,
        }


def register(record: Record, champion: Champion, pack_model: PackModel | None) -> str | None:
    """Register the model of a run under the study's name, with the alias ``champion``.

    The same run again adds no version; the new verdict replaces the description.

    Args:
        record: the record of the run; all of it is delivered first.
        champion: the run, and the verdict.
        pack_model: the workload's hook that makes a model ready to serve; None registers the model
            as the run holds it.

    Returns:
        The model's address, ``models:/NAME@champion``; None where the run has no model.

    Raises:
        StoreError: the store does not answer, or refuses the model.
        UserError: raised by ``pack_model``.
    """
    record.flush()
    run_id = record.mlflow_id(champion.run_id)
    client = MlflowClient(record.uri)
    with asking(record.uri):
        champion = replace(champion, run_id=original_of(client, run_id).info.run_id)
        version = _version_of(client, champion)
        if version is None:
            model = _ready(client, champion.run_id, pack_model)
            if model is None:
                return None
            version = _add_version(client, champion, model)
        _describe(client, champion, version)
    return address_of(champion.study)


def _version_of(client: MlflowClient, champion: Champion) -> "ModelVersion | None":
    """Return the version of this run's model, None where it is not registered."""
    name = model_name(champion.study)
    found = client.search_model_versions(f"run_id = '{champion.run_id}'")
    return next((version for version in found if version.name == name), None)


def _ready(client: MlflowClient, run_id: str, pack_model: PackModel | None) -> LoggedModel | None:
    """Return the model of a run in the form to be served; None where it has no model."""
    experiment_id = client.get_run(run_id).info.experiment_id
    saved = find_model(client, experiment_id, run_id)
    if saved is None or pack_model is None:
        return saved
    with TemporaryDirectory() as temporary:
        contents, whole = Path(temporary, "contents"), Path(temporary, "whole")
        contents.mkdir()
        file = model_file(client.tracking_uri, run_id, Path(temporary))
        packaging = pack_model(_config(client, run_id, temporary), file, contents)
        served = logged_model(client, experiment_id, run_id, schema.SERVED_MODEL)
        _write(whole, contents, packaging, served)
        client.log_model_artifacts(served.model_id, str(whole))
    return client.finalize_logged_model(served.model_id, LoggedModelStatus.READY)


def _config(client: MlflowClient, run_id: str, folder: str) -> DictConfig:
    text = Path(client.download_artifacts(run_id, schema.CONFIG_FILE, folder)).read_text("utf-8")
    config = OmegaConf.create(text)
    assert isinstance(config, DictConfig)
    return config


def _write(folder: Path, contents: Path, packaging: Packaging, model: LoggedModel) -> None:
    """Write an MLflow model with its own code.

    Everything that MLflow would find out by loading the model is given.
    """
    pyfunc.save_model(
        str(folder),
        loader_module=packaging.code.stem,
        data_path=str(contents),
        code_paths=[str(path) for path in (packaging.code, *packaging.modules)],
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            run_id=model.source_run_id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        ),
        signature=_signature(packaging),
        input_example=[dict(row) for row in packaging.example],
        pip_requirements=[pin(name) for name in ("mlflow", *packaging.requirements)],
    )


def _signature(packaging: Packaging) -> ModelSignature:
    inputs = [ColSpec(_type(kind), name, required=False) for name, kind in packaging.inputs.items()]
    if isinstance(packaging.output, str):
        outputs = [ColSpec(_type(packaging.output))]
    else:
        outputs = [ColSpec(_type(kind), name) for name, kind in packaging.output.items()]
    return ModelSignature(Schema([*inputs]), Schema([*outputs]))


def _type(kind: str) -> DataType | AnyType:
    return AnyType() if kind == "any" else DataType[kind]


def _add_version(client: MlflowClient, champion: Champion, model: LoggedModel) -> "ModelVersion":
    """Add a version for a model.

    Its source is the folder of the files: MLflow would look up ``models:/ID`` in its global store.
    """
    name = model_name(champion.study)
    _make_registered_model(client, name, champion.study)
    version = client.create_model_version(
        name,
        model.artifact_location,
        champion.run_id,
        champion.tags,
        description=champion.description,
        model_id=model.model_id,
    )
    # The model's page links its version by this tag; mlflow.register_model sets it too.
    link = json.dumps([{"name": name, "version": version.version}])
    client.set_logged_model_tags(model.model_id, {schema.MODEL_VERSIONS: link})
    return version


def _make_registered_model(client: MlflowClient, name: str, study: str) -> None:
    try:
        client.create_registered_model(
            name, {schema.STUDY: study}, f"What the study {study} has found, by Besom."
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _describe(client: MlflowClient, champion: Champion, version: "ModelVersion") -> None:
    """Set description, tags and, last, the alias, so that it leads to a version with a verdict."""
    client.update_model_version(version.name, version.version, champion.description)
    for key, value in champion.tags.items():
        client.set_model_version_tag(version.name, version.version, key, value)
    client.set_registered_model_alias(version.name, ALIAS, version.version)
