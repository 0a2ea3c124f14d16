"""TensorBoard's own library reads the files that ``besom.TensorBoard`` writes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import besom
from tests.sweep.apps import audit, run

pytest.importorskip("tensorboard", reason="of the extra besom[tensorboard]")

READ = """
import sys, json
sys.modules["tensorboard.compat.notf"] = type(sys)("notf")  # without TensorFlow, to be quick
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import backend_context

multiplexer = plugin_event_multiplexer.EventMultiplexer()
multiplexer.AddRunsFromDirectory(sys.argv[1])
multiplexer.Reload()
provider = data_provider.MultiplexerDataProvider(multiplexer, sys.argv[1])
context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
tags = context.hparams_metadata(RequestContext(), "")
experiment = context.experiment_from_metadata(RequestContext(), "", True, tags, [])
runs = {
    run: {
        tag: [(e.step, e.tensor_proto.float_val[0] if e.tensor_proto.float_val else None)
              for e in multiplexer.Tensors(run, tag)]
        for tag in kinds["tensors"] if not tag.startswith("_")
    }
    for run, kinds in multiplexer.Runs().items()
}
hparams = sorted(info.name for info in experiment.hparam_infos)
metrics = sorted(info.name.tag for info in experiment.metric_infos)
ended = sorted(run for run, of_run in tags.items() if "_hparams_/session_end_info" in of_run)
print(json.dumps([runs, hparams, metrics, ended]))
assert "tensorflow" not in sys.modules
"""


def test_each_trial_is_a_run_with_its_parameters_curves_and_results(root: Path) -> None:
    done = run(
        "stepping",
        *("x=choice(0.5,-1)", "y=choice(0,0.5)", "hydra/sweeper/sampler=grid"),
        *("hydra.sweeper.n_trials=5", "hydra.sweeper.objective=loss"),
        "hydra.sweeper.callbacks=[{_target_: besom.TensorBoard}]",
        folder=root.parent,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    folder = root / "tensorboard" / "stepping"
    read = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], capture_output=True, text=True, timeout=60
    )
    assert read.returncode == 0, read.stderr
    runs, hparams, metrics, ended = json.loads(read.stdout)
    assert hparams == ["x", "y"] and metrics == ["final/accuracy", "final/loss", "loss"]
    numbers = ["000", "001", "002", "003", "004"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(runs) == ended == numbers
    for trial in audit(root, "stepping").trials:
        written = runs[f"{trial.number:03d}"]
        assert written["final/loss"] == [[3, pytest.approx(trial.value)]]
        reported = [pytest.approx(trial.value + 1 / step) for step in (1, 2, 3)]
        assert written["loss"] == [[step + 1, value] for step, value in enumerate(reported)]


def test_an_attempt_that_came_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    board = besom.TensorBoard(str(tmp_path))
    board.on_study_start(besom.StudyStarted("s", "run", "mlruns", ("loss",), ("minimize",), 3, 1))
    for attempt in (1, 2):
        run_id = f"run {attempt}"
        board.on_trial_start(besom.TrialStarted("s", 0, "trial", {"x": 1}, run_id, attempt, 0))
        board.on_report(besom.TrialReported("s", 0, "trial", run_id, 1, {"loss": 1.0}, 1.0))
    board.on_trial_start(besom.TrialStarted("s", 0, "confirmation", {}, "run 3", 1, 0, seed=4))
    board.on_report(besom.TrialReported("s", 0, "confirmation", "run 3", 1, {"loss": 1.0}, 1.0))
    board.on_trial_end(besom.TrialEnded("s", 0, "trial", {"x": 1}, "pruned", {}, run_id="run 2"))
    (folder,) = (tmp_path / "s").iterdir()
    assert len([*folder.iterdir()]) == 1
