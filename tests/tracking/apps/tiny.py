"""A Hydra application with a tracked task, which returns, raises or dies as ``how`` says."""

import os
import signal
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

import besom
from besom.app.hooks import Hooks, hooked
from besom.common.errors import ConfigError
from besom.tracking.decorator import tracked


def check(config: DictConfig) -> None:
    if config.units < 1:
        raise ConfigError(f"units={config.units} is below 1")


@hydra.main(version_base="1.3", config_path=".", config_name="tiny")
@tracked
@hooked(Hooks(check=check))
def main(config: DictConfig) -> dict[str, float]:
    for epoch in range(3):
        besom.report(epoch, loss=1 / (epoch + config.units))
    Path("words.txt").write_text("the\n")
    besom.save("words.txt")
    besom.log({"data.digest": "abc"})
    if config.how == "raise":
        raise ZeroDivisionError("no units left")
    if config.how == "terminate":
        os.kill(os.getpid(), signal.SIGTERM)
    if config.how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    assert not {"keras", "tensorflow"} & set(sys.modules)
    return {"test_accuracy": 0.8125}


if __name__ == "__main__":
    main()
