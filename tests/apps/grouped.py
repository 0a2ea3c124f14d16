"""A Hydra application with config groups, two keys that end in ``lr``, and a seed."""

from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

store = ConfigStore.instance()
CONFIG: dict[str, Any] = {
    "defaults": ["_self_", {"model": "small"}, {"db@first": "a"}, {"db@second": "a"}],
    "gen": {"lr": 1.0},
    "disc": {"lr": 1.0},
    "seed": 0,
}
store.store(name="config", node=CONFIG)
for name, width in (("small", 1), ("wide", 2)):
    store.store(group="model", name=name, node={"width": width})
for name in ("a", "b", "c"):
    store.store(group="db", name=name, node={"user": "same"})


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: DictConfig) -> float:
    noise = config.seed * 0.001
    return float(config.gen.lr + config.disc.lr + config.model.width + noise)


if __name__ == "__main__":
    main()
