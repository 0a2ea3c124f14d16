"""A task that keeps memory from trial to trial, and tells which process it is."""

import os
from pathlib import Path

from omegaconf import DictConfig

from besom.task import Hooks, hooked

HOARD: list[bytes] = []


def prepare() -> None:
    """Keep a tally of the processes; end this one where the test has put a file that says so."""
    with Path("started").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if Path("sick").exists():
        raise SystemExit(7)


@hooked(Hooks(prepare=prepare))
def hoard(config: DictConfig) -> float:
    HOARD.append(b"x" * (config.megabytes << 20))
    return float(os.getpid())
