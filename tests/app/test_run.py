"""A user's mistake ends in one or two lines with value and remedy; a bug keeps its traceback."""

import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from besom.app import run
from besom.app.hooks import Hooks, hooked
from besom.common.errors import ConfigError, DataError
from tests.conftest import Command


@dataclass
class Model:
    units: int = 32
    rate: float = 0.1
    bias: bool = True


@dataclass
class Toy:
    model: Model = field(default_factory=Model)
    seed: int = 1
    path: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    fail: str = ""


@dataclass
class Unfinished(Toy):
    seed: int = MISSING


FILES = {
    "train.yaml": "defaults: [toy_schema, model: small, _self_]",
    "unfinished.yaml": "defaults: [unfinished_schema, model: small, _self_]",
    "circle.yaml": "defaults: [circle]",
    "model/small.yaml": "units: 32",
    "model/large.yaml": "units: 64",
    "model/torn.yaml": "units: [1",
    "model/typo.yaml": "unitss: 1",
    "model/text.yaml": "units: many",
}


def check(config: DictConfig) -> None:
    if config.model.units == 0:
        sys.exit("no units")
    if config.model.units < 1:
        raise ConfigError(f"`model.units={config.model.units}` is below 1; give 1 or more")


@hooked(Hooks(check=check))
def task(config: DictConfig) -> float:
    if config.fail == "user":
        raise DataError("`path=nowhere`: no such file; give another")
    if config.fail == "bug":
        raise KeyError("a bug in the task")
    if config.fail == "ctrl-c":
        os.kill(os.getpid(), signal.SIGINT)
    if config.fail == "close":  # as absl, TensorFlow's logging, does
        sys.stderr.close()
    print(f"units={config.model.units}")
    return float(config.model.units)


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> run.HydraApp:
    ConfigStore.instance().store(name="toy_schema", node=Toy)
    ConfigStore.instance().store(name="unfinished_schema", node=Unfinished)
    for name, text in FILES.items():
        file = tmp_path / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return run.HydraApp(task, tmp_path / "conf", "train")


MISTAKES = {
    # keys
    "model.unit=3": ["no key `model.unit`", "did you mean `model.units`?"],
    "modle.units=3": ["no key `modle.units`", "did you mean `model.units`?"],
    "units=3": ["no key `units`", "did you mean `model.units`?"],
    "model.zzz=3": ["no key `model.zzz`", "model has bias, rate, units"],
    "zzz=3": ["no key `zzz`", "--cfg job"],
    "hydra.job.chdri=true": ["no key `hydra.job.chdri`", "did you mean `hydra.job.chdir`?"],
    "+model.hydra.x=3": ["no key `model.hydra.x`"],
    "+model.unit=3": ["no key `model.unit`", "did you mean `model.units`?"],
    "++modle.units=3": ["no key `modle.units`", "did you mean `model.units`?"],
    "+seeed=3": ["no key `seeed`", "did you mean `seed`?"],
    "+seed=3": ["seed=3", "already"],
    "+=": ["`+=`", "cannot read it"],
    "~model.units": ["~model.units", "does not support deletion"],
    # values
    "model.units=abc": ["`model.units=abc`", "not an integer"],
    "model.units=1.5": ["`model.units=1.5`", "not an integer"],
    "model.rate=fast": ["`model.rate=fast`", "not a number"],
    "model.bias=maybe": ["`model.bias=maybe`", "neither true nor false"],
    "model.units=null": ["`model.units=null`", "null is no value"],
    "hydra.mode=BOTH": ["`hydra.mode=BOTH`", "RUN, MULTIRUN"],
    "model.units=${nowhere}": ["`model.units`", "nowhere"],
    "model.units=-4": ["`model.units=-4`", "give 1 or more"],
    "--config-name unfinished": ["`seed` has no value", "seed=..."],
    # groups and files
    "model=larg": ["`model=larg`", "did you mean `large`?"],
    "model=gru": ["`model=gru`", "large, small"],
    "model=1": ["`model=1`", "must be a string"],
    "model=torn": ["torn.yaml, line 1", "not YAML"],
    "model=typo": ["model/typo", "`model.unitss`", "`model.units`"],
    "model=text": ["model/text", "`model.units`", "'many'", "Integer"],
    "hydra/sweeper=basi": ["`hydra/sweeper=basi`", "did you mean `basic`?"],
    "hydra/sweeper/sampler=tpe": ["hydra/sweeper/sampler", "in use here", "--info defaults"],
    "hydra/nothing=tpe": ["no config group `hydra/nothing`", "--info defaults"],
    "--config-name circle": ["`circle` includes itself"],
    "--config-name trian": ["no configuration `trian`", "did you mean `train`?"],
    "--config-dir nowhere": ["--config-dir nowhere", "no such folder"],
    # grammar
    "model.units=[16": ["`model.units=[16`", "KEY=VALUE", "quotes"],
    "model.units": ["`model.units`", "KEY=VALUE"],
    "-m model.units=choice()": ["`model.units=choice()`", "empty choice", "write choice(a,b,…)"],
    "-m model.units=interval(1)": ["missing a required argument: 'end'", "interval(low,high)"],
    "model.units=int(abc)": ["`model.units=int(abc)`: invalid literal for int()"],
    "model.units=rnage(1,9)": ["no function `rnage`", "did you mean `model.units=range(1,9)`"],
    "model.units=16,32": ["`model.units=16,32`", "besom sweep", "-m"],
    "model.units=range(8,64)": ["`model.units=range(8,64)`", "besom sweep", "-m"],
    # sweeps
    "-m model.units=16,abc": ["`model.units=abc`", "not an integer"],
    "-m model.unit=16,32": ["no key `model.unit`", "`model.units`"],
    "-m model.unit=interval(1,8)": ["no key `model.unit`", "`model.units`"],
    "--cfg job model.units=16,32": ["--cfg", "one configuration", "`model.units=16,32`"],
    "-m model=small,larg": ["`model=larg`", "did you mean `large`?"],
    "-m model.units=-4": ["`model.units=-4`", "give 1 or more"],
    "-m model.units=range(0,1e12)": ["more than 100,000 runs", "interval"],
    "-m model.units=shuffle(range(0,1000000000000))": ["more than 100,000 runs"],
    "-m model.units=range(0,1000) seed=range(0,1000)": ["more than 100,000 runs"],
    "-m model.units=range(8,2,step=0)": ["has no end"],
    "hydra.verbose=7": ["Hydra cannot start this"],
    "-m hydra.sweeper=null": ["Hydra cannot start this"],
    "-m hydra.job.name=a,b": ["hydra.job.name=a,b", "not supported"],
    "hydra.mode=MULTIRUN model.units=16,abc": ["`model.units=abc`", "not an integer"],
    # flags
    "--hydra-hepl": ["did you mean `--hydra-help`?"],
    "--foo": ["`--foo`", "--hydra-help"],
    "--cfg everything": ["everything", "--hydra-help"],
    "--=1": ["ambiguous option", "--hydra-help"],
    "-m --cfg job": ["--multirun and --cfg", "leave one out"],
    "--experimental-rerun old/config.pickle": ["old/config.pickle", "`besom reproduce RUN_ID`"],
    "--resolve": ["--resolve goes with --cfg or --help", "add `--cfg job`"],
    "--info defaults --resolve": ["--resolve goes with --cfg or --help"],
    "-m --package model model.units=1,2": ["--package model goes with --cfg", "add `--cfg job`"],
    # the task's own
    "-m model.units=0,8": ["the task's hook `check` has called sys.exit('no units')"],
    "fail=user": ["`path=nowhere`", "give another"],
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_plain_message(
    words: str, application: run.HydraApp, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.run(application, words.split()) == 2

    out, err = capfd.readouterr()
    assert err.startswith("besom: ")
    assert len(err.splitlines()) <= 2
    assert [part for part in MISTAKES[words] if part not in err] == []
    assert "HYDRA_FULL_ERROR" not in err
    assert "units=" not in out
    if not words.startswith("fail"):
        assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "out"),
    [
        ("", "units=32"),
        ("model=large seed=3", "units=64"),
        ("+tags.owner=me", "units=32"),
        ("model.units=${seed} seed=7", "units=7"),
        ("-m model.units=16,8", "units=8"),
        ("model.units=16 --cfg job model.rate=1", "units: 16"),
        ("model.units=${seed} --cfg job --resolve", "units: 1\n"),
        ("--cfg job --package model", "units: 32"),
        ("--help --resolve", "is powered by Hydra"),
        ("--help", "is powered by Hydra"),
        ("--info defaults", "model/small"),
    ],
)
def test_what_is_right_passes_untouched(
    words: str, out: str, application: run.HydraApp, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        assert run.run(application, words.split()) == 0
    except SystemExit as end:  # Hydra's way to end --help
        assert end.code == 0
    assert out in capfd.readouterr().out


def test_a_bug_keeps_the_traceback_of_the_task_without_hydras_frames(
    application: run.HydraApp, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.run(application, ["fail=bug"]) == 1

    err = capfd.readouterr().err
    assert 'KeyError("a bug in the task")' in err
    assert "in task" in err
    assert "hydra/_internal" not in err
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_ctrl_c_is_one_line(application: run.HydraApp, capfd: pytest.CaptureFixture[str]) -> None:
    # SIGINT is ignored if a shell has started the tests in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert run.run(application, ["fail=ctrl-c"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capfd.readouterr().err == "besom: stopped by Ctrl-C\n"


def test_a_task_that_closes_stderr_closes_only_its_own(
    application: run.HydraApp, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run.run(application, ["fail=close"]) == 0
    print("still here", file=sys.stderr)
    assert capfd.readouterr().err == "still here\n"


def test_whoever_asks_for_full_errors_gets_them(
    application: run.HydraApp,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert run.run(application, ["fail=bug"]) == 1
    err = capfd.readouterr().err
    assert 'KeyError("a bug in the task")' in err
    assert "hydra/_internal" in err
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


@pytest.mark.parametrize("words", [["train"], ["train", "-m", "seed=1,2"], ["sweep", "quickstart"]])
def test_a_file_in_place_of_the_root_is_refused(
    words: list[str], besom: Command, tmp_path: Path
) -> None:
    (tmp_path / "taken").touch()
    ended = besom(*words, "data=synthetic", "tracking.root=taken")
    assert ended.code == 2, ended.err
    assert "taken" in ended.err and len(ended.err.splitlines()) <= 2


def test_what_was_composed_to_be_checked_is_run(
    application: run.HydraApp, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    composed = []
    compose = ConfigLoaderImpl._load_configuration_impl

    def counted(self: ConfigLoaderImpl, *how: Any, **also: Any) -> DictConfig:
        composed.append(1)
        return compose(self, *how, **also)

    monkeypatch.setattr(ConfigLoaderImpl, "_load_configuration_impl", counted)
    assert run.run(application, ["model.units=7"]) == 0
    assert "units=7" in capfd.readouterr().out and len(composed) == 2  # one is for the mode
    composed.clear()
    assert (
        run.run(application, ["--multirun", "hydra/sweeper=besom", "hydra.sweeper.dry_run=true"])
        == 0
    )
    assert len(composed) == 2  # for the command line, and for the baseline


def test_jobs_that_are_alike_run_one_after_the_other(
    application: run.HydraApp, capfd: pytest.CaptureFixture[str]
) -> None:
    """Hydra makes each job's configuration read-only, so no two jobs may share one object."""
    assert run.run(application, ["--multirun", "model.units=7,7,7"]) == 0
    assert capfd.readouterr().out.count("\nunits=7\n") == 3
