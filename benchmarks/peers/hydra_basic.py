"""The reference script as a Hydra application, for Hydra's basic launcher.

python -m benchmarks.peers.hydra_basic --multirun --config-dir FOLDER point=p00,p01 results=FILE
"""

from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from benchmarks import trials
from benchmarks.configurations import KEYS, Configuration
from benchmarks.peers import reference

ConfigStore.instance().store(
    name="reference", node={"defaults": ["_self_", {"point": MISSING}], "results": MISSING}
)


@hydra.main(config_name="reference", config_path=None, version_base="1.3")
def main(config: DictConfig) -> float:
    """Train one configuration: an option of the group ``point``."""
    axes = {axis: OmegaConf.select(config, key) for axis, key in KEYS.items()}
    configuration = Configuration(**axes)
    accuracies = reference.fit(reference.build(configuration), configuration)
    trials.note(accuracies, Path(config.results))
    return max(accuracies)


if __name__ == "__main__":
    main()
