"""Tests ``besom report``: the file that it writes, and what it refuses."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from besom.results.studies import read_study
from besom.tracking import connect, schema
from besom.tracking.address import own_address
from besom.tracking.reader import open_reader
from tests.conftest import Command
from tests.results.report.conftest import Page


def test_writes_one_file_named_after_the_study(
    study: list[str], root: Path, besom: Command, tmp_path: Path
) -> None:
    ended = besom("report", "small")
    assert ended.code == 0
    assert ended.out.split()[-1] == "small-report.html"
    page = Page((tmp_path / "small-report.html").read_text(encoding="utf-8"))
    assert page.row("val_accuracy") == ["val_accuracy", "0.85", "0.8", "+0.05"]
    reader = open_reader(root, None)
    kept = reader.text(read_study(reader, "small").parent.run_id, schema.REPORT_FILE)
    assert kept == (tmp_path / "small-report.html").read_text(encoding="utf-8")


def test_writes_where_it_is_told(study: list[str], besom: Command, tmp_path: Path) -> None:
    assert besom("report", "small", "--output", "there.html").code == 0
    assert [file.name for file in tmp_path.glob("*.html")] == ["there.html"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["smal"], ["no study `smal`", "did you mean `small`?"]),
        (["small", "--root", "elsewhere"], ["elsewhere", "holds no record"]),
        (["small", "--output", "missing/x.html"], ["--output missing/x.html", "cannot be written"]),
        ([], ["required", "besom report --help"]),
    ],
)
def test_refuses_in_a_line(
    words: list[str], parts: list[str], study: list[str], besom: Command, tmp_path: Path
) -> None:
    ended = besom("report", *words)
    assert ended.code == 2 and ended.out == ""
    assert all(part in ended.err for part in parts), ended.err
    assert len(ended.err.splitlines()) == 1
    assert not list(tmp_path.glob("*.html"))


def test_the_file_is_there_also_where_mlflow_takes_no_copy(
    study: list[str], root: Path, besom: Command, tmp_path: Path
) -> None:
    parent = read_study(open_reader(root, None), "small").parent.run_id
    uri = MlflowClient(own_address(root)).get_run(parent).info.artifact_uri or ""
    folder = Path(uri.removeprefix("file://"))
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where MLflow wants a folder")
    ended = besom("report", "small")
    assert ended.code == 2 and len(ended.err.splitlines()) <= 2
    assert ended.out.split()[-1] == "small-report.html"
    assert (tmp_path / "small-report.html").exists()


def test_a_study_without_trials_is_refused(root: Path, besom: Command) -> None:
    with connect(root, None, "besom") as record:
        record.start_run("empty", {schema.STUDY: "empty", schema.ROLE: "sweep"})
    ended = besom("report", "empty")
    assert ended.code == 2 and "no finished trial" in ended.err
