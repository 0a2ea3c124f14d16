"""Completion of command lines by the shell's tab key."""

import json
import shutil
from pathlib import Path

import pytest

from besom.sweep.steering.requests import steering_folder
from besom.sweep.steering.state_file import STATE_FILE
from besom.tracking import connect
from tests.conftest import Command
from tests.results.conftest import start


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (
            "besom ",
            "clean compare confirm enqueue export init logs predict report reproduce set status "
            "stop sweep sync train ui",
        ),
        ("besom tr", "train"),
        ("besom train model.un", "model.units="),
        ("besom train seed=1 model=si", "model=simple_rnn"),
        ("besom sweep ", "mine"),
        ("besom sweep mi", "mine"),
        ("besom sweep mine model.un", "model.units="),
        ("besom sweep mine seed=1 data.labe", "data.label_noise="),
        ("besom sweep none model.un", ""),
        ("besom ui --p", "--port"),
        ("besom ui --port ", ""),
        ("besom sweep mine --n", "--name --no-confirm"),
        ("besom zzz --n", ""),
        ("besom report ", ""),
    ],
)
def test_offers(
    line: str, offered: str, besom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text(
        "defaults: [train, override data: synthetic, override hydra/sweeper: besom, _self_]"
    )
    monkeypatch.setattr("besom.app.config_paths.PACKAGE", tmp_path)
    monkeypatch.setenv("COMP_LINE", line)

    ended = besom("-sc", "query=bash")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.strip() == offered


def test_is_switched_on_as_hydra_does_it(besom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/besom"])
    ended = besom("-sc", "install=bash")
    assert ended.code == 0
    assert ended.out.rstrip().endswith("-F hydra_bash_completion besom")


@pytest.fixture(scope="module")
def record_of_two(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> tuple[Path, str]:
    """Return a folder with the record of two studies, and the run id of a trial."""
    root = tmp_path_factory.mktemp("recorded") / "mlruns"
    root.mkdir()
    shutil.copy(empty_database, root / "mlflow.db")
    with connect(root, None, "besom") as record:
        first = start(record, "first")
        start(record, "other")
        folder = steering_folder(root, "first")
        folder.mkdir(parents=True)
        left = {"keys": ["x", "model.units"], "phase": "trials", "workers": {"0": {"trial": 13}}}
        (folder / STATE_FILE).write_text(json.dumps(left))
        runs = [first.trial(number, {"x": 1}, {"loss": [0.5]}) for number in (0, 1, 12)]
    return root.parent, runs[-1]


@pytest.fixture
def recorded(
    record_of_two: tuple[Path, str], besom: Command, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Change to the folder of the record; return the run id of a trial."""
    monkeypatch.chdir(record_of_two[0])
    return record_of_two[1]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("besom report ", "first other"),
        ("besom report fi", "first"),
        ("besom report first ", ""),
        ("besom ui o", "other"),
        ("besom compare first ot", "other"),
        ("besom compare --top 5 fi", "first"),
        ("besom compare --t", "--top --tracking-uri"),
        ("besom logs ", "first other"),
        ("besom  logs  first  ", "0 1 12"),
        ("besom logs first 1", "1 12"),
        ("besom logs none ", ""),
        ("besom logs first 1 --se", "--seed"),
        ("besom reproduce b", "baseline best"),
        ("besom reproduce best --study ", "first other"),
        ("besom report --root nowhere ", ""),
        ("besom init mine --", "--help --keras"),
        ("besom sync ", ""),
        ("besom status ", "first other"),
        ("besom stop ", "first other"),
        ("besom stop first ", "13"),
        ("besom stop first 13 ", ""),
        ("besom stop other ", ""),
        ("besom enqueue first ", "model.units= x="),
        ("besom enqueue first x=1 ", "model.units="),
        ("besom set first n_", "n_jobs= n_trials="),
    ],
)
def test_offers_what_is_recorded(
    line: str, offered: str, besom: Command, recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    ended = besom("-sc", "query=bash")
    assert (ended.code, ended.err, ended.out.strip()) == (0, "", offered)


def test_offers_runs_that_begin_as_typed(
    recorded: str, besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("compare", "predict", "reproduce"):
        monkeypatch.setenv("COMP_LINE", f"besom {command} {recorded[:9]}")
        assert besom("-sc", "query=bash").out.strip() == recorded


def test_fish_takes_a_word_a_line(
    recorded: str, besom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_LINE", "besom report ")
    assert besom("-sc", "query=fish").out.splitlines() == ["first", "other"]
