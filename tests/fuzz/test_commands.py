"""Arguments of commands, above all of those that read a record."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from besom.tracking import connect
from tests.fuzz.harness import examples, run, run_or_refused
from tests.results.conftest import start

COMMANDS = ("compare", "confirm", "report", "export", "reproduce", "predict")
FLAGS = {
    "compare": ["--sort", "--top", "--csv", "--json"],
    "confirm": ["--top-k", "--seeds", "--workers"],
    "report": ["--output"],
    "export": ["--name", "--force"],
    "reproduce": ["--study", "--code"],
    "predict": ["--file", "--json"],
}
NAMES = [
    *("small", "smal", "best", "baseline", "models:/small@champion", "models:/x/1", "models:/"),
    *("", " ", ".", "-", "--", "a" * 10_000, "é\x00", "\udcff", "'", '"', "%", "_", "0" * 32),
    *("deadbeef", "f" * 40, "1e9", "nan", "x=1", "=", "${seed}", "\x1b[2J", "a\nb\nc\nd\ne"),
]
LONG = "a" * 300
WORDS = st.sampled_from(NAMES) | st.text(max_size=8)
ADDRESSES = st.sampled_from(
    [
        *("sqlite:///", "sqlite:////", "sqlite:///nowhere.db", "sqlite://", "x", "file:.", "://"),
        *("postgresql://", "http://", "http://[", "http://127.0.0.1:1", "sqlite:///\x00", "s3://x"),
    ]
)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Path]:
    """Yield a working folder whose `mlruns` holds the study `small`."""
    work = tmp_path_factory.mktemp("commands")
    (work / "mlruns").mkdir()
    shutil.copy(empty_database, work / "mlruns" / "mlflow.db")
    before = Path.cwd()
    os.chdir(work)
    with connect(Path("mlruns"), None, "besom") as record:
        small = start(record, "small")
        small.trial(0, {"model.units": 32}, {"val_accuracy": [0.7]}, role="baseline")
        small.trial(1, {"model.units": 64}, {"val_accuracy": [0.8]})
    yield work
    os.chdir(before)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(COMMANDS))
    words = [command, *draw(st.lists(WORDS, max_size=3))]
    for flag in draw(st.lists(st.sampled_from(FLAGS[command]), max_size=2)):
        words += [flag, *draw(st.lists(WORDS, max_size=1))]
    if draw(st.integers(0, 3)) == 0:
        words += ["--tracking-uri", draw(ADDRESSES)]
    if draw(st.integers(0, 3)) == 0:
        words += ["--root", draw(WORDS)]
    return words


@examples(60)
@given(command_lines())
@example(["compare", "\udcff"])
@example(["predict", "small", "--file", "\0"])
@example(["sync", "--root", LONG])
@example(["ui", "--root", LONG])
@example(["export", "small", "--name", LONG])
@example(["train", "--config-dir", LONG])
@example(["train", "data=synthetic", "hydra.run.dir=" + "/".join(["a" * 200] * 30)])
@example(["train", "data=synthetic", f"tracking.uri=sqlite:///{LONG}.db"])
def test_a_command_answers_or_refuses(record: Path, words: list[str]) -> None:
    before = set(record.rglob("*"))
    assume(not any("/" in word or word.startswith("~") for word in words[1:] if "://" not in word))
    left = lambda: sorted(set(record.rglob("*")) - before)  # noqa: E731
    run_or_refused(run(words), left())
    for path in left():
        path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
