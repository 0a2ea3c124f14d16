"""What the benchmarks share: command line, alternating sides, pinning, and facts of the machine.

A script measures and returns rows; this module does everything else::

    def measure(quick: bool) -> list[Row]:
        with pinned(1):
            ours, peer = in_turn(run_ours, run_peer, repetitions=3 if quick else 7)
        return [Row("baseline", ours, peer, "stock model.fit", goal=Goal(4))]


    if __name__ == "__main__":
        main("kernel", measure)
"""

import argparse
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import result, table
from benchmarks.result import Goal, Report, Row
from besom.common.errors import UserError

__all__ = ["Goal", "Row", "in_turn", "main", "measured", "pinned", "timed"]

LIBRARIES = ("besom", "tensorflow", "keras", "numpy", "optuna", "mlflow", "hydra-core")


def main(
    name: str,
    measure: Callable[[bool], Sequence[Row]],
    arguments: Sequence[str] | None = None,
    libraries: Sequence[str] = (),
) -> None:
    """Run one script: read its command line, measure, print the table, write the JSON.

    Args:
        name: the name of the script, as in ``python -m benchmarks.NAME``.
        measure: measures and returns rows; its argument says whether to be quick.
        arguments: replace those of the process.
        libraries: further libraries whose versions are reported, beside ``LIBRARIES``.

    Raises:
        SystemExit: something is missing that the user must provide, or a command has failed.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="fewer configurations, repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well")
    options = parser.parse_args(arguments)
    measured(
        name,
        lambda: measure(options.quick),
        flags="--quick" if options.quick else "",
        file=options.json,
        libraries=libraries,
        quick=options.quick,
    )


def measured(
    name: str,
    measure: Callable[[], Sequence[Row]],
    flags: str = "",
    file: Path | None = None,
    libraries: Sequence[str] = (),
    quick: bool = False,
) -> None:
    """Measure, print the table, write the JSON; scripts with flags of their own call this.

    Args:
        flags: the arguments of ``python -m benchmarks.NAME``, for the report.
        file: where to write the JSON, if anywhere.

    Raises:
        SystemExit: as in :func:`main`.
    """
    where, date, started = machine(), datetime.now(UTC), time.perf_counter()
    try:
        rows = measure()
    except UserError as error:
        raise SystemExit(f"benchmarks.{name}: {error}") from error
    report = Report(
        name=name,
        rows=rows,
        quick=quick,
        command=f"python -m benchmarks.{name} {flags}".rstrip(),
        date=date.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - started, 1),
        machine=where,
        versions=versions((*LIBRARIES, *libraries)),
    )
    print(table.text(rows))
    if file:
        result.write(report, file)


def in_turn(*sides: Callable[[], float], repetitions: int) -> list[tuple[float, ...]]:
    """Measure the sides in alternation, so that all see the same state of the machine.

    The order is reversed in every other round, so no side is always first.

    Args:
        sides: functions that measure once and return the sample.

    Returns:
        The samples of each side, in the order of ``sides``.
    """
    samples: list[list[float]] = [[] for _ in sides]
    for repetition in range(repetitions):
        order = range(len(sides)) if repetition % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            samples[side].append(sides[side]())
    return [tuple(side) for side in samples]


def timed(action: Callable[[], object]) -> Callable[[], float]:
    """Return a side for :func:`in_turn` that measures the seconds of ``action``."""

    def sample() -> float:
        started = time.perf_counter()
        action()
        return time.perf_counter() - started

    return sample


@contextmanager
def pinned(cores: int) -> Iterator[tuple[int, ...]]:
    """Pin this thread, and the threads and processes that it starts, to the last ``cores`` cores.

    The first cores handle more interrupts. Where the system cannot pin (macOS), nothing is done.

    Raises:
        ValueError: the machine has fewer cores.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield ()
        return
    allowed = sorted(os.sched_getaffinity(0))
    if cores > len(allowed):
        raise ValueError(f"{cores} cores are asked for and {len(allowed)} are there")
    chosen = tuple(allowed[-cores:])
    os.sched_setaffinity(0, chosen)
    try:
        yield chosen
    finally:
        os.sched_setaffinity(0, allowed)


def machine() -> dict[str, Any]:
    """Return facts about this machine, without any that identify it or its owner."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def versions(libraries: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of the libraries, without importing them."""
    return {"python": platform.python_version()} | {
        library: importlib.metadata.version(library) for library in libraries
    }
