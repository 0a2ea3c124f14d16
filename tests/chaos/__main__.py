"""``make chaos``: sweeps with random kills, one for each seed, then a kill in every phase."""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.chaos.autopsy import Findings
from tests.chaos.harness import Hurt, Sizes, hurt, kill_in
from tests.chaos.phases import OF_AN_END, PHASES

KILLS, SUPERVISOR_KILLS, REQUESTS = 50, 5, 5
"""The least number of each that makes a seed a valid test."""

SIZES = Sizes(
    trials=100,
    seconds=0.2,
    worker_kills=KILLS * 13 // 10,
    supervisor_kills=SUPERVISOR_KILLS * 3 // 2,
    stops=5,
    requests=REQUESTS * 3,
)
"""Asks for more than the least numbers: some kills find no process or come after the sweep's end,
and a request to stop a trial that has just ended is refused. With trials a quarter as long, a fast
machine ended sweeps too early."""

N_TRIALS = 8
"""The trials of a sweep whose supervisor is killed in one phase."""

COLUMNS = "kills  restarts  stops  requests  trials  attempts  losses  doubles  mismatches"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    options = parser.parse_args()
    faults = 0
    print(f"seed  {COLUMNS}  noticed (s)  gone on (s)")
    for seed in range(options.first, options.first + options.seeds):
        with tempfile.TemporaryDirectory(prefix="besom-chaos-") as folder:
            done, found = hurt(Path(folder), seed, SIZES)
        print(f"{seed:4d}  {_counts(done, found)}  {_times(done)}", flush=True)
        faults += _complain([*found.faults, *_too_few(done)])
    print("\nthe supervisor killed in a phase, for the nth time: trials, attempts, faults")
    for phase, count in _kills():
        sizes = Sizes(workers=2, trials=N_TRIALS)
        with tempfile.TemporaryDirectory(prefix="besom-chaos-") as folder:
            found = kill_in([f"{phase}@{count}"], Path(folder), sizes)
        numbers = f"{found.trials:3d}  {found.attempts:3d}  {len(found.faults):3d}"
        print(f"{phase:38s}  {count}  {numbers}", flush=True)
        faults += _complain(found.faults)
    return 1 if faults else 0


def _kills() -> Iterator[tuple[str, int]]:
    """Yield each phase with counts 1 to 3; phases of an end also in the second confirmation."""
    for phase in PHASES:
        yield from ((phase, count) for count in (1, 2, 3))
    yield from ((phase, N_TRIALS + 2) for phase in OF_AN_END)


def _counts(done: Hurt, found: Findings) -> str:
    numbers = (
        done.worker_kills,
        done.supervisor_kills,
        done.stops,
        done.requests,
        found.trials,
        found.attempts,
        len(found.losses),
        len(found.doubles),
        len(found.mismatches),
    )
    return "  ".join(
        f"{number:{len(name)}d}" for number, name in zip(numbers, COLUMNS.split(), strict=True)
    )


def _times(done: Hurt) -> str:
    """Return the median and longest times to notice a dead worker and to continue after a restart.

    They are shown, but are not faults: they depend on what else runs on the machine.
    """
    noticed, gone_on = sorted(done.noticed) or [0.0], sorted(done.gone_on) or [0.0]
    return f"{_spread(noticed, 2)}  {_spread(gone_on, 1)}"


def _spread(seconds: Sequence[float], digits: int) -> str:
    median = statistics.median_high(seconds)
    return f"{median:5.{digits}f} {max(seconds):5.{digits}f}"


def _too_few(done: Hurt) -> list[str]:
    """Return which kills and requests were too few for a valid test."""
    few = [f"only {done.worker_kills} workers killed"] * (done.worker_kills < KILLS)
    few += [f"only {done.requests} requests done"] * (done.requests < REQUESTS)
    few_restarts = done.supervisor_kills < SUPERVISOR_KILLS
    return few + [f"only {done.supervisor_kills} supervisors killed"] * few_restarts


def _complain(faults: Sequence[str]) -> int:
    for fault in faults:
        print(f"      {fault}")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
