"""Finds how much memory this machine or container has for its processes; reads and shows sizes."""

import os
import re
from pathlib import Path

GROUPS = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")

_AMOUNT = re.compile(r"(\d{1,18}(?:\.\d*)?|\.\d+)\s*(?:([kmgtp])(i?))?b?", re.IGNORECASE)


def total_memory() -> int:
    """Return the machine's memory in bytes, or a container's or batch system's limit if lower."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits()])


def _limits() -> list[int]:
    """Return the limits of this process's control groups and their parents; only Linux has any."""
    try:
        lines = [line.split(":", 2) for line in GROUPS.read_text().splitlines()]
    except OSError:
        return []
    files = []
    for _, controllers, path in lines:
        if not controllers:  # version 2
            files += _around(MOUNT, path, "memory.max")
        elif "memory" in controllers.split(","):
            files += _around(MOUNT / "memory", path, "memory.limit_in_bytes")
    return [int(text) for file in files if (text := _read(file)).isdecimal()]


def _around(mount: Path, path: str, name: str) -> list[Path]:
    """Return the files of a group and of its parents, up to the mount.

    A container may see its own group at the mount, whatever its path.
    """
    group = mount / path.strip("/")
    return [folder / name for folder in (group, *group.parents) if folder.is_relative_to(mount)]


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def parse_bytes(text: str) -> int | None:
    """Return the bytes that ``text`` means; None where it is no amount.

    ``4GiB`` and ``4Gi`` are 4 · 2³⁰ bytes, ``4GB`` and ``4G`` are 4 · 10⁹.

    Examples:
        >>> parse_bytes("1.5 KiB")
        1536
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    number, unit, binary = found.groups()
    power = "kmgtp".index(unit.lower()) + 1 if unit else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


def show_bytes(number: int) -> str:
    """Return bytes as text, such as ``4 GiB``, ``512 MiB`` or ``1.5 GiB``.

    Examples:
        >>> show_bytes(1536 << 20)
        '1.5 GiB'
    """
    amount = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} TiB"
