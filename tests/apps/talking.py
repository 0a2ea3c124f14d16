"""A Hydra application that logs and prints; it fails if ``x > 1``, and dies once if ``x < 0``."""

import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig

log = logging.getLogger(__name__)


@dataclass
class Config:
    x: float = 0.5
    seed: int = 1


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: Config) -> float:
    log.info("x is %s", config.x)
    for number in range(5):
        print(f"see trial {number}, attempt 1", flush=True)
    print(f"half\rwhole of {config.x}, seed {config.seed}", flush=True)
    died = Path(HydraConfig.get().runtime.output_dir, "died")
    if config.x < 0 and config.seed == 1 and not died.exists():
        died.touch()
        print("dying", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if config.x > 1:
        raise ValueError("x is above 1")
    print("the end", end="", flush=True)
    return config.x**2


if __name__ == "__main__":
    main()
