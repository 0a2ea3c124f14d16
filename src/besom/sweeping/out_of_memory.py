"""Whether the system has ended processes because its memory ran out."""

from pathlib import Path

COUNTS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))
"""Linux's, of the machine and of a container."""


def kills() -> int:
    """Processes ended for it, ever; 0 where the system does not say."""
    return sum(_kills(file) for file in COUNTS)


def _kills(file: Path) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
