"""Finds the NVIDIA GPUs that this process may use.

TensorFlow is not asked: it would take all of their memory.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable that tells CUDA which devices a process sees; it sees all where it is not set."""
ORDER = "CUDA_DEVICE_ORDER"
BY_BUS = "PCI_BUS_ID"
"""The order in which ``nvidia-smi`` counts; CUDA's default begins with the fastest device."""

QUERY = ("--query-gpu=index,uuid,name", "--format=csv,noheader")
ANSWER_SECONDS = 20
"""The wait for an answer; a driver that nothing uses must be loaded first."""


@dataclass(frozen=True)
class Device:
    """A GPU, or a part of one that the hardware isolates (MIG).

    Attributes:
        name: as in ``CUDA_VISIBLE_DEVICES``: an index, ``GPU-UUID`` or ``MIG-UUID``.
        model: ``NVIDIA H100 80GB HBM3``; empty where it is not known.

    Examples:
        >>> str(Device("1", "NVIDIA H100 80GB HBM3"))
        'GPU 1: NVIDIA H100 80GB HBM3'
    """

    name: str
    model: str = ""

    def __str__(self) -> str:
        name = f"GPU {self.name}" if self.name.isdecimal() else self.name
        return f"{name}: {self.model}" if self.model else name


def visible_devices() -> tuple[Device, ...]:
    """Return the devices that this process sees, in order; empty without any or ``nvidia-smi``.

    ``CUDA_VISIBLE_DEVICES``, where it is set, is read as CUDA reads it: up to the first name that
    is not a device's.
    """
    return _visible(os.environ.get(VISIBLE), shutil.which("nvidia-smi"))


@cache
def _visible(given: str | None, tool: str | None) -> tuple[Device, ...]:
    names = None if given is None else [name.strip() for name in given.split(",")]
    if names is not None and not _is_device(names[0]):
        return ()
    installed = _installed(tool) if tool else []
    if names is None:
        return tuple(Device(index, model) for index, _, model in installed)
    found = (Device(name, _model(name, installed)) for name in takewhile(_is_device, names))
    # The list does not hold the parts of a device.
    known = (lambda one: one.model or one.name.startswith("MIG-")) if installed else bool
    return tuple(takewhile(known, found))


def _is_device(name: str) -> bool:
    return name.isdecimal() or name.startswith(("GPU-", "MIG-"))


def _model(name: str, installed: Sequence[tuple[str, str, str]]) -> str:
    """Return the model of a named device; as in CUDA, the beginning of its UUID is enough."""
    for index, uuid, model in installed:
        if name == index or (name.startswith("GPU-") and uuid.startswith(name)):
            return model
    return ""


def _installed(tool: str) -> list[tuple[str, str, str]]:
    """Return the index, UUID and model of each device; empty where the driver does not answer."""
    try:
        answer = subprocess.run(
            [tool, *QUERY],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=ANSWER_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line.split(",", 2) for line in answer.splitlines()]
    return [(a.strip(), b.strip(), c.strip()) for a, b, c in (x for x in lines if len(x) == 3)]
