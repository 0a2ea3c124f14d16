"""Sweeps the applications of ``examples/``; ``besom init`` creates two of them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from besom.cli import main
from tests import warm
from tests.sweep.apps import Audit, audit

EXAMPLES = Path(__file__).parents[1] / "examples"
PYTEST = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"
HYPERBAND = ("hydra/sweeper/pruner=hyperband", "hydra.sweeper.pruner.max_resource=3", "epochs=3")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = warm.run(["main.py", *words], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def sweep(folder: Path, *words: str) -> tuple[Audit, str]:
    """Run ``python main.py -m``; return the audit of its study and its output."""
    done = run(folder, "-m", "hydra.sweeper.n_jobs=1", "hydra.sweeper.sampler.seed=1", *words)
    assert "can prune nothing" not in done.stdout + done.stderr
    return audit(folder / "mlruns", folder.name), done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which ``besom init`` has created both of its applications."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main.main(["init", "loop"]) == main.main(["init", "net", "--keras"]) == 0
    return folder


@pytest.mark.parametrize(("name", "modules"), [("loop", "sweep"), ("net", "tensorflow")])
def test_what_is_made_has_a_test_that_passes(made: Path, name: str, modules: str) -> None:
    done = warm.run(["-c", PYTEST], made / name, modules=modules)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_a_loop_is_swept_and_confirmed(made: Path) -> None:
    assert run(made / "loop", "epochs=2").stdout.count("epoch ") == 2
    confirm = ("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.confirm.seeds=2")
    found, said = sweep(made / "loop", "hydra.sweeper.n_trials=4", "epochs=4", *confirm)
    assert found.states() == {"COMPLETE": 4}
    for trial in found.trials:
        metrics = found.metrics[trial.user_attrs["besom.run_id"]]
        assert metrics["val_accuracy"] == trial.value
        assert list(trial.intermediate_values) == [1, 2, 3, 4]
    assert "over the same 2 seeds" in said


def test_another_file_of_its_sweeps_is_another_study(made: Path) -> None:
    chosen = ("--config-dir", "sweeps", "--config-name", "hyperband")
    for name in ("loop", "net"):
        done = run(made / name, "-m", *chosen, "hydra.sweeper.dry_run=true")
        assert f"{name}-hyperband" in done.stdout and "30" in done.stdout


@pytest.fixture(scope="module")
def keras_sweep(made: Path) -> tuple[Audit, str]:
    """Sweep the Keras application with TPE and Hyperband; return the audit and the output."""
    words = ("hydra.sweeper.n_trials=5", "batch_size=64", "hydra.sweeper.confirm.top_k=0")
    return sweep(made / "net", *words, *HYPERBAND)


def test_keras_reports_what_hyperband_prunes_by(keras_sweep: tuple[Audit, str]) -> None:
    found, _ = keras_sweep
    assert found.states().keys() == {"COMPLETE", "PRUNED"}
    for trial in found.trials:
        metrics = found.metrics[trial.user_attrs["besom.run_id"]]
        assert metrics.keys() >= {"loss", "accuracy", "val_loss", "val_accuracy"}
        steps = 3 if trial.state.name == "COMPLETE" else len(trial.intermediate_values)
        assert list(trial.intermediate_values) == [1, 2, 3][:steps]
        assert metrics["val_accuracy"] == trial.intermediate_values[steps]


def test_keras_models_are_kept_with_their_shapes(
    keras_sweep: tuple[Audit, str], made: Path
) -> None:
    found, _ = keras_sweep
    client = MlflowClient(f"sqlite:///{made / 'net' / 'mlruns' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("besom")
    models = client.search_logged_models([experiment.experiment_id])
    complete = {t.user_attrs["besom.run_id"] for t in found.trials if t.state.name == "COMPLETE"}
    assert complete <= {model.source_run_id for model in models}
    description = Path(models[0].artifact_location.removeprefix("file://"), "MLmodel").read_text()
    (inputs,) = json.loads(yaml.safe_load(description)["signature"]["inputs"])
    assert inputs["tensor-spec"] == {"dtype": "float32", "shape": [-1, 8, 8, 1]}


@pytest.mark.slow  # docs/tutorials/scikit-learn.md is tested with the same application
def test_scikit_learn_is_swept(tmp_path: Path) -> None:
    folder = tmp_path / "sklearn_app"
    shutil.copytree(EXAMPLES / "sklearn_app", folder)
    found, _ = sweep(folder, "hydra.sweeper.n_trials=9", *HYPERBAND)
    assert found.states().keys() == {"COMPLETE", "PRUNED"}
    assert {name for metrics in found.metrics.values() for name in metrics} >= {"val_accuracy"}
