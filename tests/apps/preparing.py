"""A Hydra application whose hook ``prepare`` writes a file for each worker; it can fail or hang."""

import os
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from besom.app.hooks import Hooks, hooked


def prepare() -> None:
    folder = Path("prepared")
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    if Path("sick").exists():
        raise OSError("no such library")
    if Path("slow").exists():
        time.sleep(60)


@hydra.main(version_base=None, config_path=None)
@hooked(Hooks(prepare=prepare))
def main(config: DictConfig) -> float:
    assert (Path("prepared") / str(os.getpid())).exists()
    return float(OmegaConf.select(config, "x"))


if __name__ == "__main__":
    main()
