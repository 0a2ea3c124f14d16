"""What a press of the tab key offers."""

from pathlib import Path

import pytest

from tests.conftest import Command


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("besom ", "compare confirm export init logs predict report reproduce sweep sync train ui"),
        ("besom tr", "train"),
        ("besom train model.un", "model.units="),
        ("besom train seed=1 model=si", "model=simple_rnn"),
        ("besom sweep ", "mine"),
        ("besom sweep mi", "mine"),
        ("besom sweep mine model.un", "model.units="),
        ("besom sweep mine seed=1 data.labe", "data.label_noise="),
        ("besom sweep none model.un", ""),
        ("besom ui --p", ""),
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
