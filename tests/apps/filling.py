"""A Hydra application whose task sets the values that its configuration interpolates."""

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf, open_dict

CONFIG = {
    "x": 1.0,
    "data": {"vocab": "???"},
    "size": "${data.vocab}",
    "classes": "${n_classes}",
    "tripled": "${tripled:${x}}",
}
ConfigStore.instance().store(name="config", node=CONFIG)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: DictConfig) -> float:
    OmegaConf.register_new_resolver("tripled", lambda x: 3 * x, replace=True)
    config.data.vocab = 99
    with open_dict(config):
        config.n_classes = 2
    return float(config.size + config.classes + config.tripled)


if __name__ == "__main__":
    main()
