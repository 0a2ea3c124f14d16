"""Overrides keep their interpolations, which are resolved in each job's configuration."""

import json
from pathlib import Path

from mlflow import MlflowClient

from besom.tracking import schema
from tests.sweep.apps import audit, run

TYPED = ("seconds=choice(0.0,0.01)", "x=${seconds}", "hydra.sweep.subdir=${x}-${hydra.job.num}")


def test_trials_confirmations_and_records_follow_an_override_as_it_was_typed(root: Path) -> None:
    added = ("hydra.sweeper.confirm.seeds=2", "hydra.sweeper.confirm.overrides=['x=${seconds}']")
    fixed = ("hydra/sweeper/sampler=grid", "hydra.sweeper.objective=loss", *added)
    swept = run("noisy", *TYPED, *fixed, folder=root.parent)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    (own,) = client.search_runs(["1"], "tags.`besom.role` = 'sweep'")
    record = client.download_artifacts(own.info.run_id, schema.COMMAND_FILE)
    words = json.loads(Path(record).read_text())["overrides"]
    assert set(TYPED) <= set(words)
    confirmed = run("noisy", *words, "hydra.sweeper.confirm.top_k=1", folder=root.parent)
    assert confirmed.returncode == 0, confirmed.stdout + confirmed.stderr
    assert audit(root, "noisy").states() == {"COMPLETE": 2}
    trained = client.search_runs(["1"], "tags.`besom.role` != 'sweep'")
    assert len(trained) == 2 + 2 * 2
    for one in trained:
        assert one.data.params["x"] == one.data.params["seconds"]
        words = Path(client.download_artifacts(one.info.run_id, schema.OVERRIDES_FILE))
        assert "- x=${seconds}\n" in words.read_text()


def test_what_the_task_adds_is_no_obstacle_and_is_recorded_as_written(root: Path) -> None:
    swept = run("filling", "x=1,2", "hydra/sweeper/sampler=grid", folder=root.parent)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert "`${n_classes}` is not in the configuration" in swept.stdout
    trials = audit(root, "filling").trials
    assert [(trial.params["x"], trial.value) for trial in trials] == [(1, 104), (2, 107)]
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    (first,) = client.search_runs(["1"], "tags.`besom.trial` = '0'")
    assert first.data.params["size"] == "${data.vocab}"
    config = Path(client.download_artifacts(first.info.run_id, schema.CONFIG_FILE)).read_text()
    assert "size: ${data.vocab}\nclasses: ${n_classes}\ntripled: ${tripled:${x}}\n" in config
