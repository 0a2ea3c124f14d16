"""Checks the claims of the README, the how-to pages and the sweep files."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from besom.cli import main
from besom.sweep.plan import Plan
from besom.workers import resources
from tests.nvidia_smi import H100, fake_gpus

TOP = Path(__file__).parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs" / "how-to").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
SWEEPS = sorted((TOP / "sweeps").glob("*.yaml"))


def commands(program: str) -> list[list[str]]:
    """Return the arguments of each command of ``program`` in the pages' code blocks, each once."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
    lines = [line for language, block in blocks if not language for line in block.splitlines()]
    own = dict.fromkeys(line for line in lines if line.startswith(f"{program} "))
    split = [tuple(shlex.split(line, comments=True)[1:]) for line in own]
    return [[*words] for words in dict.fromkeys(split)]


RECORD = (
    *("clean", "compare", "confirm", "export", "logs"),
    *("predict", "report", "reproduce", "sync"),
)
"""The commands that read a record."""
STEERING = ("status", "enqueue", "set", "stop")
"""The commands that look at a study or change its running sweep."""


@pytest.fixture(autouse=True)
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provide the commands' data: an IMDb file of 1000 one-word reviews, a table and a text."""
    split = np.empty(1000, object)
    split[:] = [[4]] * 1000
    labels = np.arange(1000) % 2
    path = tmp_path / "imdb.npz"
    np.savez(path, x_train=split, y_train=labels, x_test=split, y_test=labels)
    monkeypatch.setenv("BESOM_IMDB_PATH", str(path))
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BESOM_STORE", f"sqlite:///{tmp_path / 'mlflow.db'}")
    table = [
        "review,sentiment",
        *(f"word {n},{'praise' if n % 2 else 'blame'}" for n in range(1000)),
    ]
    (tmp_path / "reviews.csv").write_text("\n".join(table))
    (tmp_path / "reviews.txt").write_text("a wonderful film\n")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a machine with the GPU, cores and memory that docs/how-to/gpus.md assigns."""
    fake_gpus(monkeypatch, tmp_path / "bin", H100)
    monkeypatch.setattr(resources, "cores", lambda: 16)
    monkeypatch.setattr(resources, "total_memory", lambda: 64 << 30)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Collect the plans of sweeps instead of running them: all is read and checked, none starts."""
    plans: list[Plan] = []

    monkeypatch.setattr("besom.sweep.run.run_sweep", plans.append)
    return plans


@pytest.mark.parametrize("words", commands("make"), ids=" ".join)
def test_every_make_target_is_there(words: list[str]) -> None:
    assert re.search(rf"^{words[0]}:.*## ", (TOP / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("words", commands("besom"), ids=" ".join)
def test_every_besom_command_is_understood(
    words: list[str],
    tmp_path: Path,
    planned: list[Plan],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # docs/how-to/own-model.md describes that folder, whose conf/model/ has the option
    monkeypatch.chdir(TOP / "examples" / "text_model" if "model=mine" in words else TOP)
    words = [re.sub(r"\breviews\.(?=csv|txt)", f"{tmp_path}/reviews.", word) for word in words]
    if words[0] == "ui":
        assert words[1:] in ([], ["--optuna"], ["neighbourhood"])
    elif words[0] in STEERING:  # it is parsed, and then finds no study
        assert main.main([*words, "--root", "nowhere"]) == (2 if len(words) > 1 else 0)
        assert re.search("no study|holds no study", "".join(capsys.readouterr()))
    elif words[0] in RECORD:  # it is parsed, and then finds no record
        assert main.main([*words, "--root", "nowhere"]) == 2
        assert "holds no record" in capsys.readouterr().err
    elif words[0] == "train":
        shown = [word for word in words[1:] if word != "-m" and "," not in word]
        if words[1:] == ["+experiment=neighbourhood"]:  # `besom export` writes it; test_export.py
            return
        assert main.main(["train", *shown, "--cfg", "job"]) == 0
    elif len(words) > 1:
        assert main.main(words) == 0
        assert len(planned) == 1
    else:
        assert main.main(words) == 0
        assert "neighbourhood" in capsys.readouterr().out


def test_the_sweep_of_ones_own_works(
    planned: list[Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = re.search(r"^```yaml\n(# besom sweep mine\n.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert example is not None
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text(example[1])
    monkeypatch.chdir(tmp_path)
    assert main.main(["sweep", "mine"]) == 0
    (plan,) = planned
    assert plan.space.distributions.keys() == {
        "model",
        "model.units",
        "training.learning_rate",
    }
    assert plan.options.n_trials == 30 and plan.options.pruner.name == "asha"


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_every_sweep_file_opens_with_its_command_time_and_result(file: Path) -> None:
    first, *rest = file.read_text().splitlines()
    assert first.startswith(f"# besom sweep {file.stem}")
    comments = " ".join(line for line in rest[:6] if line.startswith("#"))
    assert re.search(r"\d+ (s|min)\b", comments) and re.search(r"0\.\d{3}", comments)


@pytest.mark.parametrize("words", [["--help"], ["sweep"]], ids=" ".join)
def test_what_there_is_fits_a_terminal(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(TOP)
    assert main.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 15
    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_every_sweep_contains_its_baseline(
    file: Path, planned: list[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(TOP)
    assert main.main(["sweep", file.stem]) == 0
    (plan,) = planned
    assert plan.baseline_params is not None
    assert plan.objective.names == ("val_accuracy",)
    assert plan.baseline.evaluate_test is False
