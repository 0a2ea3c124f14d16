"""A small Hydra application that does not import Besom: minimise x² + y²."""

from dataclasses import dataclass

import hydra
from hydra.core.config_store import ConfigStore


@dataclass
class Config:
    x: float = 1.0
    y: float = 1.0
    kind: str = "plain"


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: Config) -> float:
    return config.x**2 + config.y**2 + (1.0 if config.kind == "shifted" else 0.0)


if __name__ == "__main__":
    main()
