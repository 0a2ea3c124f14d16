"""A Hydra application that logs, records and raises an address with its password."""

import logging
from dataclasses import dataclass

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

import besom


@dataclass
class Config:
    x: float = 1.0
    database: str = ""


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: DictConfig) -> float:
    logging.getLogger(__name__).warning("reading %s", config.database)
    besom.log({"source": config.database})
    besom.table("sources", [{"name": config.database, "rows": 1}])
    if config.x > 1:
        try:
            raise ConnectionError(f"{config.database} does not answer")
        except ConnectionError:
            logging.getLogger(__name__).exception("no luck")
            raise
    return float(config.x)


if __name__ == "__main__":
    main()
