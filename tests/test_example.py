"""Runs every Python block of docs/example.md on a study like the one of the page."""

import re
from pathlib import Path

import pytest

from besom.tracking import connect
from tests.results.conftest import start

PAGE = (Path(__file__).parents[1] / "docs" / "example.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
# Each trial: network, units, learning rate, val_accuracy by epoch. Two epochs: it was pruned.
TRIALS = [
    ("simple_rnn", 32, 0.003, [0.5, 0.55, 0.6]),
    ("gru", 16, 0.01, [0.6, 0.8, 0.9]),
    ("gru", 8, 0.02, [0.52, 0.58]),
    ("simple_rnn", 32, 0.001, [0.5, 0.5]),
]


@pytest.fixture
def quickstart(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record a study named ``quickstart`` below the working folder."""
    monkeypatch.chdir(root.parent)
    monkeypatch.setenv("MPLBACKEND", "agg")
    with connect(root, None, "besom") as record:
        study = start(record, "quickstart")
        for number, (model, units, rate, curve) in enumerate(TRIALS):
            params = {
                "model.name": model,
                "model.units": units,
                "training.learning_rate": rate,
            }
            state = "complete" if len(curve) == 3 else "pruned"
            role = "baseline" if number == 0 else "trial"
            study.trial(number, params, {"val_accuracy": curve}, state, role)


def test_the_page_runs_from_top_to_bottom(
    quickstart: None, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, object] = {}
    said = []
    for block in BLOCKS:
        exec(compile(block, "docs/example.md", "exec"), names)
        said.append(capsys.readouterr().out)
    best, axes, means, saved, picture, last = said
    assert re.findall(r"^(\d).*0\.[96] ", best, flags=re.MULTILINE) == ["1", "0"]
    assert re.search(r"^gru +0\.58 +0\.9 +- +1\.0 +1\.0 +-$", axes, flags=re.MULTILINE)
    assert re.search(r"^2 +0\.675 +0\.54 +2\.0 +2\.0$", means, flags=re.MULTILINE)
    assert saved == "17% of all epochs were not trained\n"
    assert picture == "" and Path("quickstart.png").stat().st_size > 10_000
    assert re.fullmatch(r"besom reproduce [0-9a-f]{32}\n", last)


def test_every_output_is_shown() -> None:
    shown = re.findall(r"^```text\n.+?^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert len(shown) == sum("print(" in block for block in BLOCKS)
