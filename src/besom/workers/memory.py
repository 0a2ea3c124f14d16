"""The memory that this process takes, and whether the system has ended others for theirs."""

import os
import resource
import sys
from pathlib import Path

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
