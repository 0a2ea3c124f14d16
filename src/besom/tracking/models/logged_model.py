"""Logs a saved Keras model as an MLflow model, without loading it.

``mlflow.keras.log_model`` needs TensorFlow in the process, and starts another process to find the
packages to install. Neither is needed here: the same folder is written directly, in tens of
milliseconds.
Source of the layout: ``mlflow/keras/save.py`` and ``mlflow/models/model.py`` of MLflow 3.
"""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy
import yaml
from mlflow import MlflowClient, pyfunc
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric, Run
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema
from mlflow.types import TensorSpec as MlflowTensorSpec

from besom.common.keras_model import KerasModel, TensorSpec
from besom.tracking import schema

NAMING = (schema.STUDY, schema.TRIAL, schema.CONFIRMS, schema.SEED)
"""The tags of a run that are copied to its model: all models have the same name."""
REQUIREMENTS = ("mlflow", "keras", "tensorflow", "numpy")


def log_model(client: MlflowClient, experiment_id: str, run_id: str, saved: KerasModel) -> None:
    """Log ``saved`` as the model of a run, ``runs:/RUN_ID/model``. Repeating changes nothing."""
    logged = logged_model(client, experiment_id, run_id)
    with TemporaryDirectory() as folder:
        write_model(Path(folder), saved, logged)
        client.log_model_artifacts(logged.model_id, folder)
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def find_model(
    client: MlflowClient, experiment_id: str, run_id: str, name: str = schema.MODEL
) -> LoggedModel | None:
    """Return the logged model of a run with that name, None where there is none."""
    found = client.search_logged_models(
        [experiment_id], f"name = '{name}' AND source_run_id = '{run_id}'", max_results=1
    )
    return found[0] if found else None


def logged_model(
    client: MlflowClient, experiment_id: str, run_id: str, name: str = schema.MODEL
) -> LoggedModel:
    """Return the logged model of a run; create and link it where it is missing."""
    run = client.get_run(run_id)
    tags = {tag: run.data.tags[tag] for tag in NAMING if tag in run.data.tags}
    logged = find_model(client, experiment_id, run_id, name) or client.create_logged_model(
        experiment_id, name, source_run_id=run_id, params=run.data.params, tags=tags
    )
    linked = run.outputs.model_outputs if run.outputs else []
    if logged.model_id not in [output.model_id for output in linked]:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged


def link_metrics(client: MlflowClient, run_id: str) -> None:
    """Log a run's final metrics for its model too, so that MLflow shows them there."""
    run = client.get_run(run_id)
    if not (run.outputs and run.outputs.model_outputs):
        return
    model = find_model(client, run.info.experiment_id, run_id)
    if model is None:  # deleted by an earlier delivery
        return
    model_id = model.model_id
    metrics = [
        Metric(final.key, final.value, final.timestamp, final.step, model_id, run_id=run_id)
        for final in final_metrics(client, run)
    ]
    client.log_batch(run_id, metrics=metrics)


def final_metrics(client: MlflowClient, run: Run) -> list[Metric]:
    """Return the last value of each metric of a run."""
    histories = (client.get_metric_history(run.info.run_id, name) for name in run.data.metrics)
    return [max(history, key=lambda said: (said.step, said.timestamp)) for history in histories]


def write_model(folder: Path, saved: KerasModel, logged: LoggedModel) -> None:
    """Write the folder that ``mlflow.keras.save_model`` would write for ``saved``."""
    data = folder / "data"
    data.mkdir()
    (data / "keras_module.txt").write_text("keras")
    # A link is enough, since the folder is copied into the store.
    (data / "model.keras").symlink_to(saved.path.absolute())
    _write_environment(folder, [pin(name) for name in REQUIREMENTS])
    mlmodel = Model(
        artifact_path=logged.artifact_location,
        run_id=logged.source_run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
        model_size_bytes=saved.path.stat().st_size,
        signature=_signature(saved),
    )
    mlmodel.add_flavor(
        "keras",
        data="data",
        keras_version=version("keras"),
        keras_backend="tensorflow",
        save_exported_model=False,
    )
    pyfunc.add_to_model(
        mlmodel, loader_module="mlflow.keras", conda_env="conda.yaml", python_env="python_env.yaml"
    )
    mlmodel.save(folder / "MLmodel")


def _signature(saved: KerasModel) -> ModelSignature | None:
    if saved.inputs is None:
        return None
    outputs = None if saved.outputs is None else _schema(saved.outputs)
    return ModelSignature(_schema(saved.inputs), outputs)


def _schema(side: TensorSpec | Mapping[str, TensorSpec]) -> Schema:
    if isinstance(side, TensorSpec):
        return Schema([_tensor(side)])
    return Schema([_tensor(spec, name) for name, spec in side.items()])


def _tensor(spec: TensorSpec, name: str | None = None) -> MlflowTensorSpec:
    shape = tuple(-1 if size is None else size for size in spec.shape)
    return MlflowTensorSpec(numpy.dtype(spec.dtype), shape, name)


def _write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """Write the packages needed to serve the model: for pip, for virtualenv and for conda."""
    python = platform.python_version()
    (folder / "requirements.txt").write_text("\n".join(requirements))
    virtualenv = {
        "python": python,
        "build_dependencies": [pin(name) for name in ("pip", "setuptools", "wheel")],
        "dependencies": ["-r requirements.txt"],
    }
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": list(requirements)}],
    }
    (folder / "python_env.yaml").write_text(yaml.safe_dump(virtualenv, sort_keys=False))
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False))


def pin(package: str) -> str:
    """Return a requirement pinned to the version that is installed here."""
    try:
        return f"{package}=={version(package)}"
    except PackageNotFoundError:
        return package
