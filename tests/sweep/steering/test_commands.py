"""``besom status``, ``stop``, ``enqueue`` and ``set`` with a real sweep that is running."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from besom.common.errors import StudyError
from besom.common.locks import only_supervisor
from besom.sweep.steering import requests
from besom.sweep.steering.requests import SET, ask, steering_folder
from besom.sweep.steering.state_file import running_trials, searched_keys
from besom.sweep.steering.status import Status, status_lines
from besom.tracking import schema
from tests.conftest import Command
from tests.processes import kill, wait_for
from tests.sweep.apps import audit, n_ended, start

WORDS = (
    *("x=interval(-2,2)", "y=interval(-1,1)", "seconds=0.25", "steps=5"),
    *("hydra.sweeper.objective=[loss,accuracy]", "hydra.sweeper.direction=[minimize,maximize]"),
    *("hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=2"),
    "hydra.sweeper.constraints={loss: '<= 1.5'}",
)


def test_a_sweep_is_steered_killed_and_goes_on_to_what_was_asked(
    root: Path, besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two objectives and a constraint; each request takes effect once, though a sweep is killed."""
    monkeypatch.chdir(root.parent)
    folder = steering_folder(root, "stepping")
    sweep = start("stepping", *WORDS, folder=root.parent)
    wait_for(lambda: n_ended(root, "stepping") and running_trials(folder))
    before = besom("status", "stepping")
    assert before.code == 0 and "stepping is being swept by process" in before.out
    assert " of 6 ended: " in before.out
    assert re.search("  worker 1   (trial|has ended trial|idle)", before.out)
    assert searched_keys(folder) == ["x", "y"]
    point = besom("enqueue", "stepping", "x=0.125", "y=-0.5")
    assert (point.code, point.err) == (0, "")
    assert "x=0.125 y=-0.5 is trial " in point.out
    numbers = besom("set", "stepping", "n_trials=9", "n_jobs=1")
    assert "n_trials=9: " in numbers.out and "n_jobs=1 until the sweep ends" in numbers.out
    stopped = running_trials(folder)[-1]
    was_asked = besom("stop", "stepping", str(stopped))
    beyond = besom("enqueue", "stepping", "x=3")
    assert (beyond.code, beyond.out) == (2, "")
    assert beyond.err.startswith("besom: stepping: x=3 is outside -2…2")
    kill(sweep.pid)
    sweep.communicate(timeout=20)
    refused = besom("set", "stepping", "n_trials=3")
    assert refused.code == 2 and "`stepping` is not being swept" in refused.err

    sweep = start("stepping", *WORDS, folder=root.parent)
    wait_for(lambda: running_trials(folder) and besom("stop", "stepping").code == 0)
    output, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 0, output
    assert "Ended by besom stop. " in output and "still to be done" in output

    sweep = start("stepping", *WORDS, folder=root.parent)
    output, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 0, output
    assert "n_trials=9, as besom set has it" in output
    found = audit(root, "stepping")
    assert found.states().total() == 9
    enqueued = [trial for trial in found.trials if "besom.enqueued" in trial.user_attrs]
    assert [trial.params for trial in enqueued] == [{"x": 0.125, "y": -0.5}]
    if was_asked.code == 0:  # otherwise the trial had ended already
        assert found.trials[stopped].state.name in ("PRUNED", "COMPLETE")
        assert found.trials[stopped].user_attrs["besom.stopped"] is True
    (own,) = (tags for tags in found.tags.values() if tags[schema.ROLE] == schema.Role.SWEEP)
    assert own[schema.ENDED_BY] == "hydra.sweeper.n_trials=9: all are done"
    after = besom("status", "stepping").out.splitlines()
    assert after[0] == (
        "stepping is not being swept; its last sweep was ended by hydra.sweeper.n_trials=9: all are"
        " done"
    )
    assert after[1].startswith("  trials     9 of 9 ended: ")
    front = [int(word.strip(",")) for word in after[2].partition("(")[0].split()[2:]]
    assert front and all(found.trials[number].values[0] <= 1.5 for number in front), after
    assert "stepping  9 of 9  trials " in besom("status").out


def test_a_worker_is_shown_no_trial_that_has_ended() -> None:
    job = {"label": "trial  4", "step": 5, "steps": 6, "value": None, "since": 0.0}
    workers = {"0": {**job, "trial": 4}, "1": {**job, "trial": 5}}
    left = {"n_trials": 6, "n_jobs": 2, "phase": "trials", "workers": workers}
    counts = Counter(complete=5, running=1)
    status = Status("mine", "by process 1", left, counts, running={5}, is_known=True)
    first, second = (line for line in status_lines(status) if line.startswith("  worker"))
    assert first == "  worker 0   has ended trial 4" and "5/6" in second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "none"), "no study `none` below mlruns; there is none"),
        (("stop", "none"), "no study `none` below mlruns"),
        (("stop", "none", "first"), "invalid int value: 'first'"),
        (("enqueue", "none", "x"), "`x` is no KEY=VALUE"),
        (("enqueue", "none", "x=1", "x=2"), "`x` is given twice"),
        (("enqueue", "none"), "the following arguments are required"),
        (("set", "none", "n_trails=3"), "`n_trails` cannot be set; did you mean `n_trials`?"),
        (("set", "none", "timeout=3"), "`timeout` cannot be set; n_trials and n_jobs can"),
        (("set", "none", "n_jobs=auto"), "n_jobs: `auto` is no whole number above 0"),
        (("set", "none", "n_jobs=0"), "n_jobs: `0` is no whole number above 0"),
        (("set", "none", "n_trials=0"), "n_trials: `0` is no whole number above 0"),
        (("set", "none", "n_trials=many"), "n_trials: `many` is no whole number above 0"),
        (("set", "none", "n_trials=3"), "no study `none` below mlruns"),
        (("set", "../none", "n_trials=3"), "no study `../none` below mlruns"),
        (("stop", 300 * "n"), "no study `nnn"),
    ],
)
def test_refuses_in_a_line_and_makes_nothing(
    words: tuple[str, ...], said: str, besom: Command, tmp_path: Path
) -> None:
    ended = besom(*words)
    assert ended.code == 2 and said in ended.err and ended.err.count("\n") <= 3
    assert list(tmp_path.iterdir()) == []


def test_there_may_be_no_study(besom: Command) -> None:
    assert besom("status").out == "mlruns holds no study; `besom sweep NAME` makes one\n"


def test_a_request_that_nothing_takes_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(requests, "LOCK_SECONDS", 0.05)
    folder = steering_folder(tmp_path, "mine")
    folder.mkdir(parents=True)
    with pytest.raises(StudyError, match="is not being swept"):
        ask(folder, (tmp_path, "mine"), SET, n_trials=3)
    with only_supervisor(tmp_path, "mine"):
        with pytest.raises(StudyError, match="has not answered within"):
            ask(folder, (tmp_path, "mine"), SET, n_trials=3)
        assert list(folder.iterdir()) == []
        monkeypatch.setattr(requests, "replace_text", taken_at_once)
        assert ask(folder, (tmp_path, "mine"), SET, n_trials=3).endswith(
            "has not confirmed it yet."
        )


def taken_at_once(path: Path, text: str) -> None:
    path.with_suffix(requests.TAKEN).write_text(text)
    assert json.loads(text)["to"].startswith("by process ")


def test_a_request_ends_with_its_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "LOCK_SECONDS", 0.05)
    folder = steering_folder(tmp_path, "mine")
    folder.mkdir(parents=True)
    holders = iter(["by process 1 on here since then", "", ""])
    monkeypatch.setattr(requests, "supervisor_of", lambda *lock: next(holders))
    with pytest.raises(StudyError, match="has ended meanwhile; nothing was changed"):
        ask(folder, (tmp_path, "mine"), SET, n_trials=3)
    assert list(folder.iterdir()) == []
