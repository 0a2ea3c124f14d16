"""Misspelled overrides in the command of any application that uses Besom's sweeper."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra._internal.utils import create_config_search_path

from besom.app.config_paths import conf_folder
from tests.sweep.apps import command


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("hydra/sweeper=besomm", ["`hydra/sweeper=besomm`", "did you mean `besom`?"]),
        ("hydra/sweeper=besom hydra/sweeper/sampler=tpee", ["did you mean `tpe`?"]),
        ("hydra/sweeper=besom hydra/sweeper/pruner=medain", ["did you mean `median`?"]),
        ("hydra/sweeper=besom hydra/sweeper/pruner=asah", ["did you mean `asha`?"]),
        ("hydra/sweeper=besom hydra/sweeper/sampler=gird", ["did you mean `grid`?"]),
        ("hydra/sweeper=besom hydra.sweeper.ntrials=3", ["`hydra.sweeper.n_trials`?"]),
        ("hydra/sweeper=besom hydra/sweeper/sampler=TPE", ["did you mean `tpe`?"]),
        ("hydra/sweeper=besom hydra/sweeper/samplr=tpe", ["`hydra/sweeper/sampler`?"]),
        ("hydra/swepeer=besom", ["no config group `hydra/swepeer`", "`hydra/sweeper`?"]),
        ("hydra/sweeper=besom hydra.sweper.n_jobs=3", ["`hydra.sweeper.n_jobs`?"]),
        ("hydra/sweeper=besom +hydra.sweeper.n_trial=3", ["`hydra.sweeper.n_trials`?"]),
        ("hydra/sweeper=besom hydra/launcher=basci", ["did you mean `basic`?"]),
        ("hydra/sweeper=besom hydra.sweeper.zzz=3", ["`hydra.sweeper.zzz`", "has", "n_trials"]),
        ("hydra/sweeper=besom hydra.sweeper.confirm.topk=3", ["`hydra.sweeper.confirm.top_k`?"]),
        ("hydra/sweeper=besom hydra.sweeper.resources.gpu=1", ["`hydra.sweeper.resources.gpus`?"]),
        ("hydra/sweeper=besom hydra.sweeper.stop.targe=1", ["`hydra.sweeper.stop.target`?"]),
        ("hydra/sweeper=besom hydra/launcher=rq", ["launcher=rq is not installed", "n_jobs"]),
        ("hydra/sweeper=besom hydra/launcher=jobilb", ["=jobilb is not installed", "n_jobs"]),
        ("hydra/sweeper=besom x=loguniform(1,2)", ["`x=tag(log,interval(1,2))`?"]),
    ],
)
def test_the_nearest_name_is_said_before_hydra_says_its_own(
    words: str,
    parts: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "-m", *words.split()])
    with pytest.raises(SystemExit) as raised:
        create_config_search_path(None)
    said = capsys.readouterr().err
    assert (raised.value.code, said.count("\n")) == (2, 1)
    assert [part for part in parts if part not in said] == []


@pytest.mark.parametrize(
    "words",
    [
        "hydra/sweeper=basic x=loguniform(1,2)",
        "hydra/sweeper=bayes hydra.sweeper.max_batch_size=2",
        "hydra/sweeper=besom hydra/sweeper/sampler=mine hydra/launcher=mine",
        "hydra/sweeper=besom hydra/sweeper/pruner=median hydra.sweep.dir=x hydra/launcher=basic",
        "x=loguniform(1,2)",
        "hydra/sweeper=besom x=range(1,9) +y=2 ~z hydra.sweeper.sampler.sigma0=1 hydra.job.num=1",
        "hydra/sweeper=besom hydra.sweeper.sampler._target_=my.Bandit hydra.sweeper.sampler.sed=1",
        "hydra/sweeper=besom hydra/sweeper/sampler=mine --config-dir=folder",
        "hydra/sweeper=besom hydra.sweeper.params=null +hydra.sweeper.params.y=3 --cfg=job",
    ],
)
def test_what_is_right_or_of_others_is_let_alone(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "-m", *words.split()])
    create_config_search_path(None)


def test_besoms_own_application_checks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["besom", "train", "-m", "hydra/sweeper=besomm"])
    create_config_search_path(str(conf_folder()))


def test_an_application_ends_with_that_line(tmp_path: Path) -> None:
    words = command("quadratic", "x=uniform(0,1)")
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "besom: `x=uniform(0,1)`: no function `uniform`; did you mean `x=interval(0,1)`?\n"
    )
    assert list(tmp_path.iterdir()) == []
