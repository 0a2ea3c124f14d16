"""A task that keeps memory, may talk at length, and tells which process it is."""

import os
from pathlib import Path

from omegaconf import DictConfig

import besom
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
    if length := config.get("length"):
        besom.log({"long": "x" * length})
    return float(os.getpid())
