"""A Hydra application with enumerations, lists, times and child processes."""

import multiprocessing
import os
import subprocess
import time
from dataclasses import dataclass, field
from enum import Enum

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig


class Color(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Config:
    color: Color = Color.RED
    sizes: list[int] = field(default_factory=lambda: [1, 2])
    out: str = "${hydra:runtime.output_dir}"
    started: str = "${now:%H-%M-%S-%f}"
    children: str = "none"
    x: float = 0.5


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: DictConfig) -> float:
    if config.children == "multiprocessing":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return float(pool.apply(abs, (config.x,)))
    if config.children == "sleep":
        subprocess.Popen(["sleep", "60"])
        time.sleep(60)
    if config.children == "fork" and config.x != 0.5:
        if os.fork() == 0:
            time.sleep(60)
        os._exit(3)
    return sum(config.sizes) * config.x


if __name__ == "__main__":
    main()
