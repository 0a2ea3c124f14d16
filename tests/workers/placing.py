"""A task that logs the device and thread variables of its worker."""

import os

from omegaconf import DictConfig

import besom

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_NUM_INTRAOP_THREADS",
    "OMP_NUM_THREADS",
)


def place(config: DictConfig) -> float:
    besom.log({name: os.environ[name] for name in VARIABLES if name in os.environ})
    return 0.0
