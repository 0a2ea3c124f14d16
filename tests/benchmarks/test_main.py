"""The run of all benchmarks: its scripts, and the table of goals at its end."""

from pathlib import Path

from benchmarks import result
from benchmarks.__main__ import SCRIPTS, goals
from benchmarks.result import Report, Row


def test_every_script_is_there() -> None:
    folder = Path(__file__).parents[2] / "benchmarks"
    assert [name for name in SCRIPTS if not (folder / f"{name}.py").is_file()] == []


def test_the_table_holds_what_has_a_goal(tmp_path: Path, report: Report) -> None:
    with_more = Report(**{**vars(report), "rows": [*report.rows, Row("no goal", [1.0])]})
    result.write(with_more, tmp_path / "kernel.json")
    assert [row.what for row in goals(["kernel"], tmp_path)] == [
        "kernel: baseline",
        "kernel: compiling",
    ]
