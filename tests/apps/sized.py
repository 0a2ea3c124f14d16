"""A Hydra application whose loss falls as its size grows; it reports and returns both."""

from dataclasses import dataclass

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

import besom


@dataclass
class Config:
    x: float = 0.2
    seed: int = 0
    steps: int = 1
    tells_size: bool = True


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: DictConfig) -> dict[str, float]:
    """Report ``loss`` and ``early_size``; return ``loss`` and, unless told not to, ``size``."""
    loss = (1 - config.x) ** 2 + 1e-4 * config.seed
    for step in range(1, config.steps + 1):
        besom.report(step, loss=loss + 1 / step, early_size=100 * config.x)
    return {"loss": loss} | ({"size": 100 * config.x} if config.tells_size else {})


if __name__ == "__main__":
    main()
