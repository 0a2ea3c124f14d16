"""python -m benchmarks.search [--minutes 5 15 45] [--seeds 5] [--json FILE]

For each seed, four sides search one after the other on two cores, each for the longest budget. The
default takes fifteen hours, so ``make bench`` leaves it out; fewer minutes and seeds shorten it.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import Row, measured, pinned
from benchmarks.search import judge, sides
from benchmarks.search.log import Log
from benchmarks.search.rows import rows

CORES = 2
MINUTES = (5.0, 15.0, 45.0)
SEEDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search")
    parser.add_argument("--minutes", type=float, nargs="+", default=MINUTES, metavar="M")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well")
    options = parser.parse_args(arguments)
    minutes, seeds = tuple(sorted(options.minutes)), options.seeds
    if minutes[0] <= 0 or seeds < 1:
        parser.error("--minutes must be above 0, --seeds at least 1")
    is_full = (minutes, seeds) == (MINUTES, SEEDS)
    shown = " ".join(f"{one:g}" for one in minutes)
    measured(
        "search",
        lambda: measure([60 * one for one in minutes], seeds),
        flags="" if is_full else f"--minutes {shown} --seeds {seeds}",
        file=options.json,
        libraries=("keras-tuner",),
    )


def measure(budgets: Sequence[float], n_seeds: int) -> list[Row]:
    """Run all sides with one seed after the other, so that load affects all; judge the results."""
    logs: dict[str, list[Log]] = {name: [] for name in sides.SIDES}
    with pinned(CORES), tempfile.TemporaryDirectory() as scratch:
        for seed in range(n_seeds):
            for name, search in sides.SIDES.items():
                folder = Path(scratch, str(seed), name.replace(" ", "-"))
                logs[name].append(search(budgets[-1], seed, folder))
        chosen = sides.recommended(logs, budgets, Path(scratch, "confirmed"))
        asked = (one for several in chosen.values() for one in several)
        judged = judge.values(asked, judge.FRESH, "test_accuracy", Path(scratch, "judged"))
    means = {
        which: [statistics.mean(judged[one]) for one in several]
        for which, several in chosen.items()
    }
    return [*rows(means, logs)]


if __name__ == "__main__":
    main()
