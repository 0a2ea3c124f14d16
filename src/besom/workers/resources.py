"""Assigns cores, GPUs and memory to workers."""

import os
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from besom.common.errors import ConfigError
from besom.common.interpreter import cores
from besom.common.machine.devices import BY_BUS, ORDER, VISIBLE, Device, visible_devices
from besom.common.machine.memory import parse_bytes, show_bytes, total_memory

THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)

GROWTH_LIMIT = 1 << 30
"""Bytes by which a worker may grow since its first trial. TensorFlow keeps about 14 MB of each
program that a process has run, and cannot free them (docs/decisions/009); other libraries leak
too."""


MEMORY_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
"""With this variable TensorFlow takes a GPU's memory as it needs it, not all of it at once."""

OPTIONS = "hydra.sweeper.resources"
LEAST = 0.0001
"""The smallest part of a core or GPU: Ray counts in such parts."""
ROUNDING = 1e-9
"""Tolerance for binary fractions: ten workers with 0.1 GPU each fit on one."""


@dataclass(frozen=True)
class Resources:
    """The resources of one worker; None if the user has not given a value.

    Attributes:
        cpus: cores; they cap the threads of numerical libraries.
        gpus: a whole number of GPUs of its own, or a part below 1 of one that is shared.
        memory: bytes that are counted for it when workers are fitted on a machine.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory: int | None = None

    def __str__(self) -> str:
        """Return ``4 cores, 0.5 GPU, 4 GiB``; empty if nothing is given."""
        parts = [
            "" if self.cpus is None else _counted(self.cpus, "core"),
            "" if self.gpus is None else _counted(self.gpus, "GPU") if self.gpus else "no GPU",
            "" if self.memory is None else show_bytes(self.memory),
        ]
        return ", ".join(filter(None, parts))


NOTHING_SAID = Resources()


def read_resources(cpus: float | None, gpus: float | None, memory: Any) -> Resources:
    """Read ``hydra.sweeper.resources``.

    Raises:
        ConfigError: a number is invalid; names it and its limit.
    """
    if cpus is not None and not LEAST <= cpus < inf:
        raise ConfigError(f"{OPTIONS}.cpus={cpus:g}: must be at least {LEAST}, or null.")
    is_part = gpus is not None and LEAST <= gpus < 1
    if gpus is not None and not (is_part or (gpus >= 0 and gpus % 1 == 0)):
        raise ConfigError(
            f"{OPTIONS}.gpus={gpus:g}: must be a whole number, or a fraction below 1 of a GPU that "
            "workers share, or null."
        )
    n_bytes = None if memory is None else parse_bytes(str(memory))
    if memory is not None and not n_bytes:
        raise ConfigError(
            f"{OPTIONS}.memory={memory}: must be a number of bytes, or a text such as 4GiB or "
            "500MB, or null."
        )
    return Resources(cpus, gpus, n_bytes)


def thread_limits(n_workers: int, cpus: float | None = None) -> dict[str, str]:
    """Return environment variables that give each of ``n_workers`` processes its share of cores.

    They take effect only if they are set before a numerical library loads.

    Args:
        cpus: the cores of each process; if None, its share of all.
    """
    n_threads = cores() // n_workers if cpus is None else int(cpus)
    return dict.fromkeys(THREAD_VARIABLES, str(max(1, n_threads)))


def worker_environment(resources: Resources, n_workers: int, worker: int) -> dict[str, str]:
    """Return environment variables for worker ``worker`` of this machine: its devices, and those of
    :func:`worker_variables` that the user has not set."""
    limits = worker_variables(resources, n_workers)
    variables = {name: value for name, value in limits.items() if name not in os.environ}
    if resources.gpus is None:
        return variables
    devices = visible_devices() if resources.gpus else ()
    names = ",".join(device.name for device in share(devices, resources.gpus, worker))
    order = {} if {VISIBLE, ORDER} & os.environ.keys() else {ORDER: BY_BUS}
    return {**variables, **order, VISIBLE: names}


def worker_variables(resources: Resources, n_workers: int) -> dict[str, str]:
    """Return environment variables for each worker, for use if the user has not set them: threads,
    growth of a GPU's memory, and no GPUs if the worker is to see none.

    Args:
        n_workers: how many share this machine, and its GPUs if no number of GPUs is given.
    """
    gpus = resources.gpus
    may_share = n_workers > 1 if gpus is None else 0 < gpus < 1
    growth = {MEMORY_GROWTH: "true"} if may_share else {}
    hidden = {VISIBLE: ""} if gpus == 0 else {}
    return thread_limits(n_workers, resources.cpus) | growth | hidden


def room(resources: Resources) -> int:
    """Return how many workers fit on this machine; if no cores are given, one for each core.

    Raises:
        ConfigError: not even one fits; names the option, and what the machine has.
    """
    rooms = _rooms(resources)
    for name, n_workers in rooms.items():
        if not n_workers:
            raise ConfigError(
                f"{OPTIONS}.{name}={_said(resources, name)}: this machine has {_there(name)}.\n"
                "Give no more than that, or null."
            )
    return min({"cpus": cores(), **rooms}.values())


def check_room(resources: Resources, n_workers: int) -> None:
    """Refuse more workers with these resources than fit on this machine.

    Raises:
        ConfigError: names what there is too little of, and how many would fit.
    """
    most = room(resources)
    for name, n_fitting in _rooms(resources).items():
        if n_fitting < n_workers:
            raise ConfigError(
                f"{OPTIONS}.{name}={_said(resources, name)} for each of {n_workers} workers: this "
                f"machine has {_there(name)}.\n"
                f"Take hydra.sweeper.n_jobs={most}, or n_jobs=auto for as many as fit."
            )


def _rooms(resources: Resources) -> dict[str, int]:
    """Return how many workers fit, by each resource that is given."""
    rooms = {}
    if resources.cpus is not None:
        rooms["cpus"] = fitting(cores(), resources.cpus)
    if resources.gpus:
        n_devices, gpus = len(visible_devices()), resources.gpus
        rooms["gpus"] = fitting_devices(n_devices, gpus)
    if resources.memory is not None:
        rooms["memory"] = total_memory() // resources.memory
    return rooms


def fitting(there: float, amount: float) -> int:
    """Return how many times ``amount`` fits into what there is."""
    return int(there / amount + ROUNDING)


def fitting_devices(there: float, amount: float) -> int:
    """Return how often ``amount`` fits into whole devices: a part is of a single device."""
    return int(there) * fitting(1, amount) if amount < 1 else fitting(there, amount)


def _there(name: str) -> str:
    match name:
        case "cpus":
            return _counted(cores(), "core")
        case "memory":
            return f"{show_bytes(total_memory())} of memory"
    devices = visible_devices()
    models = ", ".join(dict.fromkeys(device.model for device in devices if device.model))
    number = f"{_counted(len(devices), 'GPU')}" if devices else "no GPU"
    shown = f"{number} ({models})" if models else number
    if VISIBLE in os.environ:
        return f"{shown}, as {VISIBLE} says"
    return shown if devices else f"{shown} that nvidia-smi lists"


def _said(resources: Resources, name: str) -> str:
    value = getattr(resources, name)
    return show_bytes(value) if name == "memory" else f"{value:g}"


def _counted(number: float, what: str) -> str:
    return f"{number:g} {what if number <= 1 else what + 's'}"


def share(devices: Sequence[Device], gpus: float, worker: int) -> tuple[Device, ...]:
    """Return the devices of one worker: those of its own, or the one that it shares.

    Workers are spread: two of them share a device only if there is not one for each.

    Args:
        gpus: of each worker, see :class:`Resources`.
        worker: its number, from 0.

    Examples:
        >>> [str(device) for device in share([Device("0"), Device("1")], 0.5, worker=3)]
        ['GPU 1']
    """
    if not gpus:
        return ()
    if gpus < 1:
        return (devices[worker % len(devices)],)
    first = worker * int(gpus)
    return tuple(devices[first : first + int(gpus)])


_STATM = Path("/proc/self/statm")


def resident() -> int:
    """Return the bytes of this process in memory now; if the system does not tell, the peak."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


_KILL_COUNTS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))
"""Linux's files with the counts of the machine and of a container."""


def out_of_memory_kills() -> int:
    """Return how many processes were ever killed for lack of memory; 0 if that is not known."""
    return sum(_kills(file) for file in _KILL_COUNTS)


def _kills(file: Path) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


@contextmanager
def environment_set(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a child process that is started inside this block."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
