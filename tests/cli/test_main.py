"""The ``besom`` command: what it passes to Hydra, and what it answers itself."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from besom import __version__
from besom.app import config_paths
from besom.app.command import CommandError, hydra_arguments
from besom.cli import main
from tests.conftest import Command

SWEEP = """\
# besom sweep mine
# Two numbers, for nothing.
defaults: [train, override data: synthetic, override hydra/sweeper: besom, _self_]
"""


@pytest.fixture
def sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder ``sweeps``, with one sweep file, in the working folder."""
    folder = tmp_path / "sweeps"
    folder.mkdir()
    (folder / "mine.yaml").write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("words", "run", "rest"),
    [
        ("mine", True, []),
        ("mine seed=2 model=gru", True, ["seed=2", "model=gru"]),
        ("mine --trials 5", True, ["hydra.sweeper.n_trials=5"]),
        ("--trials=5 mine", True, ["hydra.sweeper.n_trials=5"]),
        ("mine --workers 2 seed=2", True, ["seed=2", "hydra.sweeper.n_jobs=2"]),
        ("mine --jobs auto", True, ["hydra.sweeper.n_jobs=auto"]),
        ("mine --name it's", True, [r"hydra.sweeper.study_name='it\'s'"]),
        ("--dry-run mine", True, ["hydra.sweeper.dry_run=true"]),
        ("mine --no-confirm", True, ["hydra.sweeper.confirm.top_k=0"]),
        ("mine --hours 1.5", True, ["hydra.sweeper.timeout=5400.0"]),
        ("mine --cfg job", False, ["--cfg", "job"]),
        ("mine -c hydra seed=2", False, ["-c", "hydra", "seed=2"]),
        ("mine --info", False, ["--info"]),
        ("mine name=x no_confirm=1 trials=2", True, ["name=x", "no_confirm=1", "trials=2"]),
        ("mine --help", True, ["--help"]),
    ],
)
def test_a_sweep_is_a_multirun_of_its_file(
    words: str, run: bool, rest: list[str], sweeps: Path
) -> None:
    named = ["--config-dir", str(sweeps), "--config-name", "mine"]
    assert hydra_arguments(words.split()) == [*named, *(["--multirun"] if run else []), *rest]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("mien", ["no sweep `mien`", "did you mean `mine`?"]),
        ("zzz", ["no sweep `zzz`", "`besom sweep` lists"]),
        ("seed=2 mine", ["name the sweep first"]),
        ("--trials 5", ["name the sweep first"]),
        ("mine --trails 5", ["no flag `--trails`; did you mean `--trials`?"]),
        ("mine --no-confrim=1", ["no flag `--no-confrim`; did you mean `--no-confirm`?"]),
        ("mine --trials many", ["--trials", "`many`", "whole number above 0"]),
        ("mine --hours soon", ["--hours", "`soon`", "number of hours above 0"]),
        ("mine --hours nan", ["--hours", "`nan`", "number of hours above 0"]),
        ("mine --workers 0", ["--workers", "`0`", "whole number above 0"]),
        ("mine --trials", ["--trials", "expected one argument"]),
    ],
)
def test_a_sweep_that_cannot_be_named(words: str, parts: list[str], sweeps: Path) -> None:
    with pytest.raises(CommandError) as raised:
        hydra_arguments(words.split())
    assert [part for part in parts if part not in str(raised.value)] == []


def test_lists_the_sweeps_with_what_they_are_for(besom: Command, sweeps: Path) -> None:
    ended = besom("sweep")
    assert ended.code == 0
    assert "mine             Two numbers, for nothing." in ended.out


def test_what_libraries_warn_of_ends_no_command_under_w_error(
    besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(words: list[str]) -> int:
        warnings.warn("of a library's own", DeprecationWarning, stacklevel=1)
        return 0

    monkeypatch.setitem(main.COMMANDS, "compare", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert besom("compare").code == 0


def test_help_and_version(besom: Command) -> None:
    for words in ([], ["--help"], ["-h"]):
        ended = besom(*words)
        assert (ended.code, ended.err) == (0, "")
        assert all(f"\n  {name} " in ended.out for name in ("train", "sweep", "ui"))
    assert besom("--version").out == f"besom {__version__}\n"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("trian", ["`trian`", "did you mean `train`?"]),
        ("zzz", ["`zzz`", "there are clean, compare, confirm, enqueue, export"]),
        ("ui --port many", ["--port", "'many'", "besom ui --help"]),
        ("ui --port 65536", ["--port 65536", "1..65535"]),
        ("ui --root nowhere", ["--root nowhere", "no such folder", "besom train"]),
        ("ui --roots mlruns", ["--roots; did you mean `--root`?"]),
        ("train model.unit=64", ["`model.unit`", "did you mean `model.units`?"]),
        ("train model.units=abc", ["`model.units=abc`", "not an integer"]),
        ("train model.units=0", ["`model.units=0`", "1 or more"]),
        ("train +model.unit=64", ["`model.unit`", "did you mean `model.units`?"]),
        ("train model=simple_rn", ["`model=simple_rn`", "did you mean `simple_rnn`?"]),
        ("train model.units=16,32", ["`model.units=16,32`", "besom sweep"]),
        ("train -m model.units=16,abc", ["`model.units=abc`", "not an integer"]),
        ("train data=imdb data.path=nowhere.npz", ["nowhere.npz"]),
        ("sweep zzz", ["no sweep `zzz`"]),
        ("sweep mine training.epoch=6", ["`training.epoch`", "did you mean `training.epochs`?"]),
        ("sweep mine hydra/sweeper=bsom", ["`hydra/sweeper=bsom`", "did you mean `besom`?"]),
        (
            "sweep mine hydra/sweeper=besom hydra/sweeper/sampler=tpee",
            ["`hydra/sweeper/sampler=tpee`", "did you mean `tpe`?"],
        ),
        (
            "sweep mine hydra/sweeper=besom hydra/sweeper/pruner=zzz",
            ["`hydra/sweeper/pruner=zzz`", "median"],
        ),
        ("sweep mine hydra/sweeper=besom hydra.sweeper.n_trails=3", ["did you mean", "n_trials"]),
        ("sweep mine hydra/sweeper=besom +hydra.sweeper.n_trails=3", ["did you mean", "n_trials"]),
    ],
)
def test_a_mistake_is_one_plain_message(
    words: str, parts: list[str], besom: Command, sweeps: Path
) -> None:
    ended = besom(*words.split())

    assert ended.code == 2
    assert ended.err.startswith("besom: ")
    assert len(ended.err.splitlines()) <= 2
    assert [part for part in parts if part not in ended.err] == []
    assert sorted(Path.cwd().iterdir()) == [sweeps]


def test_shows_the_configuration_of_a_sweep(besom: Command, sweeps: Path) -> None:
    ended = besom("sweep", "mine", "--cfg", "job", "model.units=7")
    assert ended.code == 0
    assert "units: 7" in ended.out
    assert "name: synthetic" in ended.out


GROUPS = {"model": "model.units", "training": "training.epochs", "data": "data.max_length"}


@pytest.mark.parametrize("sweep", [False, True])
def test_files_in_conf_here_stand_beside_those_of_besom(
    sweep: bool, sweeps: Path, besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group, key in GROUPS.items():
        base = {"data": "synthetic", "model": "simple_rnn"}.get(group, "default")
        file = sweeps.parent / "conf" / group / "wide.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(f"defaults: [{base}, _self_]\n{key.partition('.')[2]}: 77\n")
    command = ["sweep", "mine"] if sweep else ["train"]
    chosen = [f"{group}=wide" for group in GROUPS]

    ended = besom(*command, *chosen, "--cfg", "job")
    assert (ended.code, ended.err, ended.out.count(": 77")) == (0, "", 3)
    assert "`model=wdie`: no such option; did you mean `wide`?" in besom(*command, "model=wdie").err
    assert "simple_rnn" in besom(*command, "model=gru", "model=zzz").err

    monkeypatch.setenv("COMP_LINE", f"besom {' '.join(command)} model=w")
    assert besom("-sc", "query=bash").out.strip() == "model=wide"


def test_a_file_in_conf_here_hides_one_of_the_same_name(besom: Command, tmp_path: Path) -> None:
    own = tmp_path / "conf"
    own.mkdir()
    text = (config_paths.conf_folder() / "train.yaml").read_text()
    (own / "train.yaml").write_text(text.replace("seed: 1", "seed: 7"))
    assert "seed: 7" in besom("train", "--cfg", "job").out


def test_the_conf_of_a_checkout_stands_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config_paths.conf_folder().parent)
    assert config_paths.added_folder() is None


def test_a_sweep_here_hides_one_of_the_same_name(
    sweeps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "package" / "sweeps"
    own.mkdir(parents=True)
    (own / "mine.yaml").touch()
    (own / "theirs.yaml").touch()
    monkeypatch.setattr(config_paths, "PACKAGE", own.parent)

    assert config_paths.sweep_files() == {
        "mine": sweeps / "mine.yaml",
        "theirs": own / "theirs.yaml",
    }


@pytest.mark.parametrize(
    "python",
    [
        ["-m", "besom.rnn"],
        ["-c", "import sys, besom.cli.main; sys.exit(besom.cli.main.main())", "train"],
    ],
)
def test_a_process_ends_with_the_same_words_and_code(python: list[str], tmp_path: Path) -> None:
    command = [sys.executable, *python, "model.unit=64"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "besom: no key `model.unit`; did you mean `model.units`?\n"


@pytest.mark.parametrize("words", [["sweep"], ["train", "--cfg", "job"], ["--help"]])
def test_a_reader_that_goes_away_ends_nothing(words: list[str]) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, besom.cli.main; sys.exit(besom.cli.main.main())",
            *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout and process.stderr
    process.stdout.close()  # before the command writes anything
    assert (process.stderr.read(), process.wait()) == (b"", 0)


LOST = "besom: standard output could not be written: "


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--help >&-", f"{LOST}Bad file descriptor; what it would have shown is lost\n"),
        ("--help >/dev/full", f"{LOST}No space left on device; what it would have shown is lost\n"),
        ("zzz 2>/dev/full", ""),
        ("zzz >&- 2>&- <&-", ""),
    ],
)
def test_a_stream_that_is_closed_or_full_is_a_plain_line(line: str, said: str) -> None:
    code = "import sys, besom.cli.main; sys.exit(besom.cli.main.main())"
    words = ["sh", "-c", f'"$0" -c "$1" {line}', sys.executable, code]
    ended = subprocess.run(words, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (2, said)


def test_a_working_folder_that_cannot_be_named_or_is_gone(besom: Command, tmp_path: Path) -> None:
    folder = tmp_path / b"caf\xe9".decode("utf-8", "surrogateescape")
    folder.mkdir()
    os.chdir(folder)
    ended = besom("compare", "x")
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "no UTF-8" in ended.err
    folder.rmdir()
    ended = besom("compare", "x")
    assert (ended.code, ended.err) == (
        2,
        "besom: the working folder is gone; change into another\n",
    )
