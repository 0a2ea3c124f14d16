"""Trials that take a given processor time and report while they do.

This Hydra application is Besom's side; the ``benchmarks.peers`` call :func:`spin` in theirs.
"""

import time
from collections.abc import Callable

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

import besom

REPORTS = 10
CONFIGURATION = {"number": 0, "seconds": 5.0}
ConfigStore.instance().store("spinning", CONFIGURATION)


def spin(seconds: float, report: Callable[[int], None]) -> None:
    """Spin for ``seconds`` of processor time; call ``report`` with each step, from 1."""
    for step in range(1, REPORTS + 1):
        end = time.thread_time() + seconds / REPORTS
        while time.thread_time() < end:
            pass
        report(step)


@hydra.main(config_name="spinning", config_path=None, version_base="1.3")
def main(config: DictConfig) -> float:
    """Run one trial."""
    spin(config.seconds, lambda step: besom.report(step, value=config.number))
    return float(config.number)


if __name__ == "__main__":
    main()
