import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import pytest

import besom
from besom.session import KerasModel, LoggedDataset, TensorSpec, listening
from besom.tracking import schema


class Told:
    """A listener that keeps what it is told, for tests to compare."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def expect(self, steps: int) -> None:
        self.said.append(steps)

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self.said.append((step, dict(metrics)))

    def log(self, values: Mapping[str, float | str]) -> None:
        self.said.append(dict(values))

    def save(self, path: Path) -> None:
        self.said.append(path)

    def save_model(self, model: KerasModel) -> None:
        self.said.append(model)

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        self.said.append(list(rows))

    def log_dataset(self, dataset: LoggedDataset) -> None:
        self.said.append(dataset)


@pytest.fixture
def told() -> Iterator[Told]:
    listener = Told()
    with listening(listener):
        yield listener


def test_numbers_of_other_libraries_become_pythons(told: Told) -> None:
    besom.expect(numpy.int64(3))
    besom.report(numpy.int32(1), loss=numpy.float32(0.5), right=True)
    besom.log({"a": numpy.array(0.25), "b": Decimal("0.5"), "c": numpy.bool_(True), "d": "\ud800"})
    assert repr(told.said) == repr(
        [3, (1, {"loss": 0.5, "right": 1.0}), {"a": 0.25, "b": 0.5, "c": 1.0, "d": r"\ud800"}]
    )


@pytest.mark.parametrize("step", [1.0, "1", None, numpy.float64(1)])
def test_a_step_is_a_whole_number(told: Told, step: Any) -> None:
    with pytest.raises(TypeError, match=r"step=.* must be a whole number"):
        besom.report(step, loss=0.5)
    with pytest.raises(TypeError, match=r"steps=.* must be a whole number"):
        besom.expect(step)
    assert told.said == []


def test_a_step_is_not_below_0(told: Told) -> None:
    with pytest.raises(ValueError, match="step=-1 must not be below 0"):
        besom.report(-1, loss=0.5)
    with pytest.raises(ValueError, match="steps=-2 must not be below 0"):
        besom.expect(-2)


@pytest.mark.parametrize("value", [None, [0.5], numpy.zeros(2), b"text", object()])
def test_what_is_neither_number_nor_text_is_refused(told: Told, value: Any) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=f"best is of type {kind}; it must be a number or text"):
        besom.log({"fine": 1, "best": value})
    with pytest.raises(TypeError, match=f"loss is of type {kind}; it must be a number"):
        besom.report(1, loss=value)
    assert told.said == []


def test_text_is_no_metric(told: Told) -> None:
    with pytest.raises(TypeError, match=r"loss is of type str; it must be a number$"):
        besom.report(1, loss="0.5")  # type: ignore[arg-type]


def test_a_table_holds_numbers_and_text(told: Told) -> None:
    row = {
        "n": numpy.int64(3),
        "p": numpy.float32(0.5),
        "ok": numpy.bool_(False),
        "path": Path("a"),
    }
    besom.table("errors", [row, row | {"n": numpy.array(4), "path": None}])
    assert repr(told.said[0]) == repr(
        [
            {"n": 3, "p": 0.5, "ok": False, "path": "a"},
            {"n": 4, "p": 0.5, "ok": False, "path": "None"},
        ]
    )


def test_rows_of_a_table_have_the_same_keys(told: Told) -> None:
    with pytest.raises(ValueError, match=r"row 1 of table 'errors' has the keys \['b'\]"):
        besom.table("errors", [{"a": 1}, {"b": 1}])
    besom.table("none", [])
    assert told.said == [[]]


def test_what_is_kept_must_be_there(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = TensorSpec((None, numpy.int64(1)), "float32")
    with pytest.raises(FileNotFoundError, match=r"plot\.svg cannot be kept"):
        besom.save("plot.svg")
    with pytest.raises(FileNotFoundError, match=r"net\.keras cannot be kept"):
        besom.save_model(KerasModel(Path("net.keras"), spec, spec))
    for name in ("plot.svg", "net.keras"):
        Path(name).touch()
    besom.save("plot.svg")
    besom.save_model(KerasModel(Path("net.keras"), spec, spec))
    assert told.said == [
        tmp_path / "plot.svg",
        KerasModel(tmp_path / "net.keras", spec, spec),
    ]
    assert type(told.said[1].inputs.shape[1]) is int


def test_what_no_database_could_keep_is_refused(told: Told) -> None:
    for refused in (
        lambda: besom.report(2**63, loss=0.5),
        lambda: besom.report(1, loss=10**400),
        lambda: besom.report(1, **{"mlflow.x": 0.5}),
        lambda: besom.log({schema.STATE: "complete"}),
        lambda: besom.log({"objective": 1}),
        lambda: besom.expect(10**400),
        *(lambda name=name: besom.table(name, []) for name in BAD_TABLES),
    ):
        with pytest.raises(ValueError, match=r"must|own|beyond") as error:
            refused()
        assert "\n" not in str(error.value) and len(str(error.value)) < 300
    besom.table("val/errors", [{"n": 10**30, "caf\udce9": "\0"}])
    assert told.said == [[{"n": str(10**30), r"caf\udce9": r"\x00"}]]


BAD_TABLES = ("../x", "/x", "", "a//b", "x" * 300, "a\\b", "a\0b", "a\nb", "caf\udce9")


def test_two_names_that_would_be_one_are_refused(told: Told) -> None:
    alike = {"a\0": 1.0, "a\\x00": 2.0}
    for telling in (
        lambda: besom.report(1, **alike),
        lambda: besom.log(alike),
        lambda: besom.table("t", [{3: 1, "3": 2}]),
    ):
        with pytest.raises(ValueError, match="two values have the name"):
            telling()


def test_only_files_and_folders_are_kept(told: Told, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "to_itself").symlink_to(folder)
    (folder / "plot.svg").touch()
    besom.save(folder)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
    for bad in (folder, folder / "pipe", tmp_path / "socket", Path("/dev/zero")):
        with pytest.raises(ValueError, match="cannot be kept with the run: only regular files"):
            besom.save(bad)
    (folder / "pipe").unlink()
    (folder / "dangling").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match="dangling"):
        besom.save(folder)
    assert told.said == [folder]


def test_a_mistake_is_one_even_if_nobody_listens() -> None:
    with pytest.raises(TypeError, match="best"):
        besom.log({"best": None})
