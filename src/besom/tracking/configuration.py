"""What a run was made with: as MLflow parameters, and as files to run it again from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from besom.flatten import flatten
from besom.tracking.environment import Environment
from besom.tracking.record import Record


def parameters(config: DictConfig) -> dict[str, Any]:
    """Flat parameters under dotted names, without what does not influence the result."""
    return {
        name: value
        for name, value in flatten(config).items()
        if not name.startswith(("tracking.", "hydra."))
    }


def describe(
    record: Record,
    run_id: str,
    params: Mapping[str, Any],
    config: str,
    overrides: Sequence[str],
    environment: Environment,
    folder: Path,
) -> None:
    """Write down what a run was made with.

    Args:
        params: what influences the result, under dotted names.
        config: the whole configuration, resolved, as YAML.
        overrides: the words of the command line that led to it.
        environment: whose texts are kept; its tags belong to the run from its start.
        folder: where the job works and logs.
    """
    record.log(run_id, {"besom.folder": str(folder)})
    record.params(run_id, params)
    record.text(run_id, "config.yaml", config)
    record.text(run_id, "overrides.yaml", OmegaConf.to_yaml(list(overrides)))
    for path, text in environment.texts.items():
        record.text(run_id, path, text)
