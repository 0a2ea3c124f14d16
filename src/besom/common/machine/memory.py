"""How much memory there is for the processes of this machine, or of this container."""

import os
import re
from pathlib import Path

GROUPS = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")

_AMOUNT = re.compile(r"(\d{1,18}(?:\.\d*)?|\.\d+)\s*(?:([kmgtp])(i?))?b?", re.IGNORECASE)


def total_memory() -> int:
    """Bytes of the machine, or what a container or batch system allows where that is less."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits()])


def _limits() -> list[int]:
    """Of this process's control groups, and those around them; Linux alone has them."""
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
    """A container may see its own group as the outermost one, whatever its path."""
    group = mount / path.strip("/")
    return [folder / name for folder in (group, *group.parents) if folder.is_relative_to(mount)]


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def parse_bytes(text: str) -> int | None:
    """``4GiB`` and ``4Gi`` are 4 · 2³⁰ bytes, ``4GB`` and ``4G`` are 4 · 10⁹; None for no amount.

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
    """``4 GiB``, ``512 MiB``, ``1.5 GiB``.

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
