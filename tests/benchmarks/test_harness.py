"""The harness: alternating sides, pinning to cores, and the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import result
from benchmarks.harness import Row, in_turn, main, pinned
from besom.common.errors import UserError


def test_sides_take_turns_and_change_which_comes_first() -> None:
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    ours, peer = in_turn(lambda: side("ours"), lambda: side("peer"), repetitions=2)
    assert calls == ["ours", "peer", "peer", "ours"]
    assert (ours, peer) == ((1.0, 4.0), (2.0, 3.0))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_children_run_where_their_parent_is_pinned() -> None:
    before = os.sched_getaffinity(0)
    count = [sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]
    with pinned(1) as cores:
        assert set(cores) < before or len(before) == 1
        assert int(subprocess.check_output(count)) == 1
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_no_process_is_pinned_to_cores_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="cores are asked for"), pinned(10_000):
        pass


def test_a_script_prints_a_table_and_writes_its_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    main("x", lambda quick: [Row(f"quick is {quick}", [1.0])], ["--quick", "--json", str(file)])
    assert "quick is True" in capsys.readouterr().out
    report = result.read(file)
    assert report.command == "python -m benchmarks.x --quick"
    assert report.rows[0].what == "quick is True"
    assert report.machine["cores"] >= 1 and report.versions["optuna"]


def test_what_only_the_user_can_mend_ends_in_a_line() -> None:
    def measure(quick: bool) -> list[Row]:
        raise UserError("no reviews here")

    with pytest.raises(SystemExit, match=r"benchmarks\.x: no reviews here"):
        main("x", measure, [])
