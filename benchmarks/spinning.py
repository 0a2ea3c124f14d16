"""A Hydra application whose trials cost what they are told to: processor time, and reports."""

import time

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

import besom

CONFIGURATION = {"number": 0, "seconds": 5.0, "reports": 10}
ConfigStore.instance().store("spinning", CONFIGURATION)


@hydra.main(config_name="spinning", config_path=None, version_base="1.3")
def main(config: DictConfig) -> float:
    """Spin for so much time of one core, in as many steps as there are reports."""
    for step in range(1, config.reports + 1):
        end = time.thread_time() + config.seconds / config.reports
        while time.thread_time() < end:
            pass
        besom.report(step, value=config.number)
    return float(config.number)


if __name__ == "__main__":
    main()
