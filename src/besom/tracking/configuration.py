"""A run's configuration as MLflow parameters, and as files to run it again from."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from besom.flatten import flatten
from besom.tracking.address import mask


def parameters(config: DictConfig) -> dict[str, Any]:
    """Flat parameters under dotted names, without what does not influence the result."""
    return {
        name: value
        for name, value in flatten(config).items()
        if not name.startswith(("tracking.", "hydra."))
    }


def files(config: DictConfig, overrides: Sequence[str]) -> dict[str, str]:
    """``config.yaml`` (resolved) and ``overrides.yaml``, without passwords."""
    return {
        "config.yaml": mask(OmegaConf.to_yaml(config, resolve=True)),
        "overrides.yaml": mask(OmegaConf.to_yaml(OmegaConf.create(list(overrides)))),
    }
