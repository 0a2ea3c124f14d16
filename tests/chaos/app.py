"""A cheap Hydra application that reports, saves a file, and dies at a place that it is told.

The supervisor runs this file as ``__main__`` and can be killed in a phase; its workers cannot.
"""

import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig

import besom


@dataclass
class Config:
    x: float = 1.0
    seed: int = 0
    seconds: float = 0.01
    steps: int = 4
    dies: str = ""
    marks: str = "marks"


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: Config) -> dict[str, float]:
    noise = random.Random(config.seed).gauss(0, 0.01)
    besom.expect(config.steps)
    for step in range(1, config.steps + 1):
        time.sleep(config.seconds)
        if step == 2:
            _die(config, "during a report")
        besom.report(step, loss=config.x**2 + noise + 1 / step)
    path = Path(HydraConfig.get().runtime.output_dir, "weights.txt")
    with path.open("w") as file:
        file.write("half of ")
        file.flush()
        _die(config, "while saving")
        file.write("the weights")
    besom.save(path)
    return {"loss": config.x**2 + noise}


def _die(config: Config, place: str) -> None:
    """Kill this worker if ``config.dies`` is this place and no worker was killed there before."""
    if config.dies != place:
        return
    try:
        os.close(os.open(config.marks, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _arm() -> None:
    """Arm the phase in the environment; forget the tests' modules, or workers would import them."""
    before = set(sys.modules)
    from tests.chaos.phases import arm

    arm(os.environ.get("BESOM_CHAOS", ""))
    for name in {one for one in sys.modules if one.startswith("tests")} - before:
        del sys.modules[name]


if __name__ == "__main__":
    _arm()
    main()
