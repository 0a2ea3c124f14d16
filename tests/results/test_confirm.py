"""What ``besom confirm`` asks of ``besom sweep``."""

import json
from pathlib import Path

import pytest

from besom.errors import StudyError
from besom.results.confirm import WORKLOAD, sweep_words
from besom.results.studies import read_study
from besom.tracking import connect
from besom.tracking.reading import open_reader

from .conftest import start


def begun_by(root: Path, study: list[str], task: str, *overrides: str) -> None:
    """Note the command that began the study ``small``."""
    assert study
    reader = open_reader(root, None)
    parent = read_study(reader, "small").parent.run_id
    with connect(root, None, "besom") as record:
        record.reopen(parent)
        command = {"task": task, "config_name": "neighbourhood", "overrides": list(overrides)}
        record.text(parent, "command.json", json.dumps(command))
        record.finish(parent, "FINISHED", {}, {})
        record.confirm(parent)


def test_the_command_that_began_it_is_given_again_without_new_trials(
    root: Path, study: list[str]
) -> None:
    begun_by(
        root,
        study,
        WORKLOAD,
        *("model.units=range(8,65,step=8)", "hydra.sweeper.n_trials=40", "hydra.mode=MULTIRUN"),
        *("hydra.sweeper.confirm.top_k=0", "hydra.sweeper.study_name=x"),
    )
    name, kept, *added = sweep_words(root, None, "small", top_k=2, seeds=4, workers=1)
    assert (name, kept) == ("neighbourhood", "model.units=range(8,65,step=8)")
    assert added == [
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.study_name='small'",
        "hydra.sweeper.confirm.top_k=2",
        "hydra.sweeper.confirm.seeds=4",
        f"tracking.root='{root}'",
        "hydra.sweeper.n_jobs=1",
    ]


def test_another_applications_study_is_confirmed_by_its_own_command(
    root: Path, study: list[str]
) -> None:
    begun_by(root, study, "quadratic.main")
    with pytest.raises(StudyError, match=r"its own command again with .*confirm\.top_k=3"):
        sweep_words(root, None, "small", 3, 5, None)


def test_a_study_without_a_finished_trial_has_nothing_to_confirm(root: Path) -> None:
    with connect(root, None, "besom") as record:
        start(record, "empty").trial(0, {"x": 1}, {"val_accuracy": [0.5]}, "failed")
    with pytest.raises(StudyError, match="empty has no finished trial"):
        sweep_words(root, None, "empty", 3, 5, None)


def test_a_study_tells_its_confirmations_and_its_verdict(root: Path) -> None:
    with connect(root, None, "besom") as record:
        small = start(record, "small")
        small.trial(0, {"x": 1}, {"val_accuracy": [0.5]}, role="baseline")
        for attempt, state in ((1, "dead"), (2, "complete")):
            tags = {"besom.study": "small", "besom.role": "confirmation", "besom.confirms": "0"}
            tags |= {"besom.seed": "1", "besom.attempt": str(attempt)}
            run = record.start_run("small/000 seed=1", tags, small.parent)
            status = "KILLED" if state == "dead" else "FINISHED"
            record.finish(run, status, {"besom.state": state}, {})
            record.confirm(run)
        record.log(small.parent, {"besom.verdict": "Within noise.", "besom.winner": "0"})
    found = read_study(open_reader(root, None), "small")
    assert [(c.trial, c.seed, c.state, c.run.run_id) for c in found.confirmations] == [
        (0, 1, "complete", run)
    ]
    assert (found.verdict, found.winner) == ("Within noise.", 0)
    assert len(found.trials) == 1
