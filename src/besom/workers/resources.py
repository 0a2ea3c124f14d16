"""What a worker is given of the machine: its share of the cores, and memory up to a limit."""

import os
import resource
import sys
from pathlib import Path

from besom.common.interpreter import cores

THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)

GROWTH_LIMIT = 1 << 30
"""Bytes that a worker may grow by since its first trial. TensorFlow keeps about 14 MB of each
program that a process has run, and cannot free them (docs/decisions/009); other libraries leak
too."""


def thread_limits(n_workers: int) -> dict[str, str]:
    """Environment variables that give each of ``n_workers`` processes its share of the cores.

    They count where they are set before a numerical library loads.
    """
    return dict.fromkeys(THREAD_VARIABLES, str(max(1, cores() // n_workers)))


_STATM = Path("/proc/self/statm")


def resident() -> int:
    """Bytes of this process in memory now; where the system does not tell, the most so far."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


_KILL_COUNTS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))
"""Linux's, of the machine and of a container."""


def out_of_memory_kills() -> int:
    """Processes ended because memory ran out, ever; 0 where the system does not say."""
    return sum(_kills(file) for file in _KILL_COUNTS)


def _kills(file: Path) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
