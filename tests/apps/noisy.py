"""A Hydra application whose result depends on its seed; its steps can be made slow."""

import random
import time
from dataclasses import dataclass

import hydra
from hydra.core.config_store import ConfigStore

import besom


@dataclass
class Config:
    x: float = 1.0
    seed: int = 0
    seconds: float = 0.0
    judged: bool = False


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: Config) -> dict[str, float]:
    noise = random.Random(config.seed).gauss(0, 0.1)
    for step in (1, 2):
        time.sleep(config.seconds)
        besom.report(step, loss=config.x**2 + noise)
    returned = {"loss": config.x**2 + noise}
    return returned | ({"score": -(config.x**2) + noise} if config.judged else {})


if __name__ == "__main__":
    main()
