"""Examples like those in hydra-optuna-sweeper's documentation, with ``besom`` as sweeper."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import warm

APP = """
import hydra

@hydra.main(version_base=None, config_path=".", config_name="config")
def task(config):
    {body}

def configure(config, trial):
    x = trial.params["x"]
    trial.suggest_float("z", x - 1, x + 1)
    if x > 0:
        trial.suggest_float("+w", 0.0, 1.0)

if __name__ == "__main__":
    task()
"""

CONFIG = """
defaults:
  - override hydra/sweeper: besom
  - override hydra/sweeper/sampler: {sampler}
hydra:
  sweeper:
    sampler:
      seed: 123
    direction: {direction}
    study_name: documented
    storage: null
    n_trials: 4
    n_jobs: 1
    max_failure_rate: 0.0
    {space}
x: 1
y: 1
z: 0.5
"""


def sweep(folder: Path, body: str, *words: str, **config: str) -> Any:
    """Run ``python app.py --multirun`` and return the content of its results file."""
    (folder / "app.py").write_text(APP.format(body=body))
    filled = {"sampler": "tpe", "direction": "minimize"} | config
    (folder / "config.yaml").write_text(CONFIG.format(**filled))
    ended = warm.run(["app.py", "--multirun", "hydra.sweep.dir=out", *words], folder)
    assert ended.returncode == 0, ended.stderr
    assert (folder / "out" / "multirun.yaml").exists()
    return yaml.safe_load((folder / "out" / "optimization_results.yaml").read_text())


def test_a_space_in_the_file_and_axes_on_the_command_line(tmp_path: Path) -> None:
    space = "params: {x: 'range(-5.5, 5.5, step=0.5)', y: 'choice(-5, 0, 5)'}"
    body = "return config.x**2 + config.y**2 + (999 if config.z == 0.5 else 0)"
    found = sweep(tmp_path, body, "y=choice(0,5)", "z=[1,2],[3]", space=space)
    params = found["best_params"]
    assert found["name"] == "optuna" and params.keys() == {"x", "y", "z"}
    assert params["z"] in ("[1,2]", "[3]")
    assert found["best_value"] == params["x"] ** 2 + params["y"] ** 2


def test_several_objectives_have_solutions(tmp_path: Path) -> None:
    space = "params: {x: 'range(0, 5, step=0.5)', y: 'range(0, 3, step=0.5)'}"
    body = "return config.x**2 + config.y**2, (config.x - 5) ** 2 + (config.y - 5) ** 2"
    found = sweep(tmp_path, body, space=space, sampler="random", direction="[minimize, minimize]")
    assert found.keys() == {"name", "solutions"} and found["solutions"]
    for solution in found["solutions"]:
        x, y = solution["params"]["x"], solution["params"]["y"]
        assert solution["values"] == pytest.approx([x**2 + y**2, (x - 5) ** 2 + (y - 5) ** 2])


def test_a_space_that_a_function_adds_to(tmp_path: Path) -> None:
    space = "custom_search_space: app.configure\n    params: {x: 'interval(-5.0, 5.0)'}"
    body = "return config.x**2 + config.z**2 + config.get('w', 0 if config.x <= 0 else 9)"
    found = sweep(tmp_path, body, space=space)
    params = found["best_params"]
    value = params["x"] ** 2 + params["z"] ** 2 + params.get("+w", 0)
    assert found["best_value"] == pytest.approx(value)
    assert abs(params["z"] - params["x"]) <= 1
