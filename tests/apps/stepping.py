"""A Hydra application that reports at each step and can be made to fail in several ways."""

import math
import os
import signal
import time
from dataclasses import dataclass, field

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

import besom

# Registered at import, as users do: workers need it too.
OmegaConf.register_new_resolver("double", lambda value: 2 * value)


@dataclass
class Config:
    x: float = 1.0
    y: float = 0.0
    steps: int = 3
    seconds: float = 0.0
    fault: str = "none"
    doubled: float = "${double:${x}}"  # type: ignore[assignment]
    tracking: dict[str, str] = field(default_factory=dict)


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: DictConfig) -> dict[str, float]:
    assert config.doubled == 2 * config.x
    loss = config.x**2 + config.y**2
    besom.expect(config.steps)
    for step in range(1, config.steps + 1):
        time.sleep(config.seconds)
        besom.report(step, loss=loss + 1 / step)
        if step == 2 and config.x > 1:
            _go_wrong(config.fault)
    if config.fault == "undefined" and config.x > 1:
        loss = math.nan
    return {"loss": loss, "accuracy": 1 - loss}


def _go_wrong(fault: str) -> None:
    if fault == "raise":
        raise ValueError("x is above 1")
    if fault == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "quit":
        os._exit(3)
    if fault == "hang":
        time.sleep(60)
    if fault == "exit":
        raise SystemExit(3)


def suggest(config: DictConfig, trial) -> None:  # type: ignore[no-untyped-def]
    """Define a conditional space: ``y`` is searched only where ``x`` is positive."""
    if trial.params["x"] > 0:
        trial.suggest_float("y", -1, 1)


if __name__ == "__main__":
    main()
