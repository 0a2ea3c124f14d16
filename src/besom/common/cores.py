"""The cores of this machine."""

import os


def cores() -> int:
    """How many cores this process may use, where the system tells; else how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
