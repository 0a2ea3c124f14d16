"""Tests the arguments that ``besom confirm`` gives to ``besom sweep``."""

import json
from pathlib import Path

import pytest

from besom.cli.main import main
from besom.common.errors import StudyError
from besom.results.confirm import sweep_words
from besom.results.studies import read_study
from besom.results.workload import PRIMARY, WORKLOAD
from besom.tracking import connect, schema
from besom.tracking.address import own_address
from besom.tracking.reader import open_reader

from .conftest import Recorded, start


def begun_by(
    root: Path, study: list[str], task: str, *overrides: str, config_name: str = "neighbourhood"
) -> None:
    """Record the command that began the study ``small``."""
    assert study
    reader = open_reader(root, None)
    parent = read_study(reader, "small").parent.run_id
    with connect(root, None, "besom") as record:
        record.reopen(parent)
        command = {"task": task, "config_name": config_name, "overrides": list(overrides)}
        record.text(parent, schema.COMMAND_FILE, json.dumps(command))
        record.prepare_end(parent, "FINISHED", {}, {})
        record.end_run(parent)


def test_the_command_that_began_it_is_given_again(root: Path, study: list[str]) -> None:
    begun_by(
        root,
        study,
        WORKLOAD,
        *("model.units=range(8,65,step=8)", "hydra.sweeper.n_trials=40", "hydra.mode=MULTIRUN"),
        *("hydra.sweeper.confirm.top_k=1", "hydra.sweeper.study_name=x"),
        *("hydra.sweeper.timeout=600", "hydra.sweeper.confirm.seeds=9"),
    )
    name, *words = sweep_words(root, None, "small", top_k=2, seeds=4, workers=1)
    assert (name, words) == (
        "neighbourhood",
        [
            "model.units=range(8,65,step=8)",
            "hydra.sweeper.n_trials=40",
            "hydra.sweeper.timeout=600",
            "hydra.sweeper.study_name='small'",
            "hydra.sweeper.confirm.top_k=2",
            "hydra.sweeper.confirm.seeds=4",
            f"tracking.root='{root}'",
            "hydra.sweeper.n_jobs=1",
            "hydra.sweeper.confirm.only=true",
        ],
    )


def test_how_much_is_confirmed_stays_the_sweeps_own(root: Path, study: list[str]) -> None:
    own = ("hydra.sweeper.confirm.seeds=9", "hydra.sweeper.confirm.top_k=2")
    begun_by(root, study, WORKLOAD, *own)
    words = sweep_words(root, None, "small")
    asked = [word for word in words if ".confirm." in word]
    assert asked == [*own, "hydra.sweeper.confirm.only=true"]


def test_no_confirm_gives_way_to_the_sweeps_file(root: Path, study: list[str]) -> None:
    begun_by(root, study, WORKLOAD, "hydra.sweeper.confirm.top_k=0")
    assert not [word for word in sweep_words(root, None, "small") if "top_k" in word]


MASKED = "hydra.sweeper.storage=postgresql://me:***@host/db"


def test_a_password_that_is_not_recorded_is_asked_for(root: Path, study: list[str]) -> None:
    begun_by(root, study, WORKLOAD, MASKED, "+x.y=1")
    with pytest.raises(StudyError, match=r"besom confirm small hydra\.sweeper\.storage=… --root "):
        sweep_words(root, None, "small")
    anew = MASKED.replace("***", "secret")
    words = sweep_words(root, None, "small", overrides=[anew, "+x.y=2"])
    assert words[-3:-1] == [anew, "+x.y=2"]
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


@pytest.mark.parametrize(("task", "name"), [("quadratic.main", "config"), (WORKLOAD, PRIMARY)])
def test_what_no_besom_sweep_began_is_confirmed_by_its_own_command(
    task: str, name: str, root: Path, study: list[str]
) -> None:
    """It was another application, or `besom train -m`, whose space is in no sweep's file."""
    begun_by(root, study, task, config_name=name)
    with pytest.raises(
        StudyError, match=r"its own command again with .*confirm\.only=true .*confirm\.top_k=3"
    ):
        sweep_words(root, None, "small", 3, 5, None)


def test_trials_of_other_code_may_be_confirmed(root: Path, study: list[str]) -> None:
    """Whether they count depends on an option, which only the sweep reads."""
    begun_by(root, study, WORKLOAD)
    with connect(root, None, "besom") as record:
        parent = read_study(open_reader(root, None), "small").parent.run_id
        for run in (parent, *study):
            record.reopen(run)
            tag = {schema.COUNTED_CODE: "b" * 64} if run == parent else {schema.CODE: "a" * 64}
            record.log(run, tag)
            record.prepare_end(run, "FINISHED", {schema.STATE: "complete"}, {})
            record.end_run(run)
    assert not read_study(open_reader(root, None), "small").complete
    given = "hydra.sweeper.duplicates=reuse_any_code"
    assert sweep_words(root, None, "small", overrides=[given])[-2] == given


def test_a_study_without_a_finished_trial_has_nothing_to_confirm(root: Path) -> None:
    with connect(root, None, "besom") as record:
        start(record, "empty").trial(0, {"x": 1}, {"val_accuracy": [0.5]}, "failed")
    with pytest.raises(StudyError, match="empty has no finished trial"):
        sweep_words(root, None, "empty", 3, 5, None)


def confirmed(small: Recorded, attempt: int, state: str, **tags: str) -> str:
    """Record an attempt to train trial 0 on seed 1; return its run's id."""
    record = small.record
    whose = {schema.STUDY: small.study, schema.ROLE: "confirmation", schema.CONFIRMS: "0"}
    of_it = {schema.SEED: "1", schema.ATTEMPT: str(attempt)} | tags
    run = record.start_run("small/000 seed=1", whose | of_it, small.parent)
    record.prepare_end(run, "KILLED" if state == "dead" else "FINISHED", {schema.STATE: state}, {})
    record.end_run(run)
    return run


def test_a_study_tells_its_confirmations_and_its_verdict(root: Path) -> None:
    with connect(root, None, "besom") as record:
        small = start(record, "small")
        small.trial(0, {"x": 1}, {"val_accuracy": [0.5]}, role="baseline")
        confirmed(small, 1, "dead")
        run = confirmed(small, 2, "complete")
        record.log(small.parent, {schema.VERDICT: "Within noise.", schema.WINNER: "0"})
    found = read_study(open_reader(root, None), "small")
    assert [(c.trial, c.seed, c.state, c.run.run_id) for c in found.confirmations] == [
        (0, 1, "complete", run)
    ]
    assert (found.verdict, found.winner) == ("Within noise.", 0)
    assert len(found.trials) == 1


def test_confirmations_are_those_that_the_verdict_is_about(root: Path) -> None:
    """Two settings were confirmed; the verdict is about the one that was trained first."""
    with connect(root, None, "besom") as record:
        small = start(record, "small")
        small.trial(0, {"x": 1}, {"val_accuracy": [0.5]}, role="baseline")
        run = confirmed(small, 1, "complete", **{schema.SETTING: "a"})
        confirmed(small, 2, "complete", **{schema.SETTING: "b"})
        record.log(small.parent, {schema.VERDICT: "Within noise.", schema.SETTING: "a"})
    [kept] = read_study(open_reader(root, None), "small").confirmations
    assert kept.run.run_id == run
