"""A task that allocates memory until it is killed."""

import time

from omegaconf import DictConfig


def devour(config: DictConfig) -> float:
    taken = []
    while True:
        taken.append(bytearray(b"x") * (200 << 20))
        time.sleep(0.1)
