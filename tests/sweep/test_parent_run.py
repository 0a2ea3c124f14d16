from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from besom.app.job import JobRunner
from besom.results.studies import read_study
from besom.sweep.parent_run import command_parts, typed_command
from besom.tracking import schema
from besom.tracking.reader import open_reader
from tests.sweep.apps import run


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["/v/bin/python3", "/v/bin/besom", "sweep", "quick"], "besom sweep quick"),
        (["/v/bin/python", "app.py", "-m", "x=range(1,3)"], "python app.py -m 'x=range(1,3)'"),
        (["python", "-m", "besom.rnn", "seed=1"], "python -m besom.rnn seed=1"),
        (
            ["python", "app.py", "hydra.sweeper.storage=mysql://me:secret@host/db"],
            "python app.py hydra.sweeper.storage=mysql://me:***@host/db",
        ),
        (["python", "-c", "import besom"], ""),
        (["python", "-m", "ipykernel_launcher", "-f", "kernel.json"], ""),
        (["python"], ""),
    ],
)
def test_a_command_as_it_can_be_typed_again(words: list[str], shown: str) -> None:
    assert typed_command(words) == shown


def test_a_task_may_be_an_object() -> None:
    class Task:
        def __call__(self, config: Any) -> float:
            return 0.0

    node = {"job": {"config_name": "c"}, "overrides": {"task": ["twin=${x}"], "hydra": []}}
    context: Any = None
    found = command_parts(JobRunner(context, Task(), OmegaConf.create({"hydra": node})))
    assert found["task"].endswith("Task") and found["overrides"] == ["twin=${x}"]


def test_the_options_of_the_last_start_are_kept(root: Path) -> None:
    """``besom clean`` reads ``keep_models`` from them."""
    words = ("x=interval(-1,1)", "hydra.sweeper.n_trials=1")
    for keep in ("all", "best 2"):
        done = run("quadratic", *words, f"hydra.sweeper.keep_models={keep}", folder=root.parent)
        assert done.returncode == 0, done.stderr
    reader = open_reader(root, None)
    kept = reader.text(read_study(reader, "quadratic").parent.run_id, schema.SWEEPER_FILE)
    assert "keep_models: best 2\n" in (kept or "")
