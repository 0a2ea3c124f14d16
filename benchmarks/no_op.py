"""A Hydra application that trains nothing: it reports its epochs at once and notes its start.

Its configuration is that of ``fake_sweep.py``. Each trial appends a line with its start, in seconds
since 1970, to the file that the environment variable ``BEGAN`` names.
"""

import os
import time
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

import besom
from benchmarks.fake_sweep import BASELINE, EPOCHS, metrics_after

BEGAN = "BESOM_BENCHMARK_BEGAN"


def train(config: DictConfig) -> dict[str, float]:
    with Path(os.environ[BEGAN]).open("a") as file:
        print(time.time(), file=file)
    for epoch in range(1, EPOCHS + 1):
        besom.report(epoch, **metrics_after(config.model.units, epoch))
    return metrics_after(config.model.units, EPOCHS)


if __name__ == "__main__":
    ConfigStore.instance().store("no_op", BASELINE)
    main: Any = hydra.main(version_base=None, config_path=None, config_name="no_op")
    main(train)()
