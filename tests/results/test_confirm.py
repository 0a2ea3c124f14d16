"""What ``besom confirm`` asks of ``besom sweep``."""

import json
from pathlib import Path

import pytest

from besom.cli import main
from besom.errors import StudyError
from besom.results.confirm import WORKLOAD, sweep_words
from besom.results.studies import read_study
from besom.tracking import connect
from besom.tracking.address import own_address
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
        *("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.study_name=x"),
        *("hydra.sweeper.timeout=600", "hydra.sweeper.confirm.seeds=9"),
    )
    name, kept, *added = sweep_words(root, None, "small", top_k=2, seeds=4, workers=1)
    assert (name, kept) == ("neighbourhood", "model.units=range(8,65,step=8)")
    assert added == [
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.timeout=1e-9",
        "hydra.sweeper.study_name='small'",
        "hydra.sweeper.confirm.top_k=2",
        "hydra.sweeper.confirm.seeds=4",
        f"tracking.root='{root}'",
        "hydra.sweeper.n_jobs=1",
    ]


def test_how_much_is_confirmed_stays_the_sweeps_own(root: Path, study: list[str]) -> None:
    own = ("hydra.sweeper.confirm.seeds=9", "hydra.sweeper.confirm.top_k=2")
    begun_by(root, study, WORKLOAD, *own)
    words = sweep_words(root, None, "small")
    assert [word for word in words if ".confirm." in word] == list(own)


def test_no_confirm_gives_way_to_the_sweeps_file(root: Path, study: list[str]) -> None:
    begun_by(root, study, WORKLOAD, "hydra.sweeper.confirm.top_k=0")
    assert not [word for word in sweep_words(root, None, "small") if "top_k" in word]


def test_an_interrupted_trial_is_none_that_is_missing(root: Path, study: list[str]) -> None:
    with connect(root, None, "besom") as record:
        cut = start(record, "cut")
        cut.trial(0, {"x": 1}, {"val_accuracy": [0.5]}, role="baseline")
        cut.trial(1, {"x": 2}, {"val_accuracy": [0.6]})
        cut.trial(2, {"x": 3}, {"val_accuracy": [0.6]}, "interrupted")
        command = {"task": WORKLOAD, "config_name": "quickstart", "overrides": []}
        record.text(cut.parent, "command.json", json.dumps(command))
        record.finish(cut.parent, "KILLED", {}, {})
        record.confirm(cut.parent)
    words = sweep_words(root, None, "cut")
    assert "hydra.sweeper.n_trials=2" in words and "hydra.sweeper.timeout=1e-9" in words


MASKED = "hydra.sweeper.storage=postgresql://me:***@host/db"


def test_a_password_that_is_not_recorded_is_asked_for(root: Path, study: list[str]) -> None:
    begun_by(root, study, WORKLOAD, MASKED, "+x.y=1")
    with pytest.raises(StudyError, match=r"besom confirm small hydra\.sweeper\.storage=…$"):
        sweep_words(root, None, "small")
    anew = MASKED.replace("***", "secret")
    words = sweep_words(root, None, "small", overrides=[anew, "+x.y=2"])
    assert words[-2:] == [anew, "+x.y=2"]
    assert MASKED not in words and "+x.y=1" not in words


@pytest.mark.parametrize("key", ["tracking.uri", "hydra.sweeper.tracking_uri"])
def test_the_tracking_uri_that_is_given_is_the_one(root: Path, study: list[str], key: str) -> None:
    begun_by(root, study, WORKLOAD, f"{key}=http://me:***@host:5000")
    with pytest.raises(StudyError, match="keeps no password of"):
        sweep_words(root, None, "small")
    uri = own_address(root)
    words = sweep_words(root, uri, "small")
    assert [word for word in words if "uri=" in word] == [f"tracking.uri='{uri}'"]


def test_a_word_that_is_no_override_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["confirm", "small", "other"]) == 2
    assert "`other` is no KEY=VALUE" in capsys.readouterr().err


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
