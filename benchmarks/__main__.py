"""Runs all benchmarks except the search, one after the other: ``python -m benchmarks [--quick]``.

The reports go to ``benchmarks/results/``, those of a quick run to ``quick/`` below it, which git
ignores. At the end, the rows with a goal are printed. If a script fails, the others still run, and
the exit code is 1. A missed goal is not a failure.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import result, table
from benchmarks.commands import CHECKOUT, module
from benchmarks.result import Row

SCRIPTS = ("kernel", "sweep", "overhead", "data", "start", "scale")
RESULTS = CHECKOUT / "benchmarks" / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer configurations, repetitions")
    quick = parser.parse_args().quick
    folder = RESULTS / "quick" if quick else RESULTS
    failed = [name for name in SCRIPTS if not _run(name, quick, folder / f"{name}.json")]
    done = [name for name in SCRIPTS if name not in failed]
    print("\n" + table.text(goals(done, folder)))
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def goals(names: Sequence[str], folder: Path) -> list[Row]:
    """Return the rows that have a goal from the scripts' reports in ``folder``."""
    return [
        replace(row, what=f"{name}: {row.what}")
        for name in names
        for row in result.read(folder / f"{name}.json").rows
        if row.goal
    ]


def _run(name: str, quick: bool, report: Path) -> bool:
    """Run a script; return whether it succeeded."""
    print(f"\n{name}", flush=True)
    flags = ["--quick"] if quick else []
    words = module(f"benchmarks.{name}", *flags, "--json", str(report))
    return subprocess.run(words, cwd=CHECKOUT).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
