"""Distinguishes records of the reference workload from those of other applications.

A record may be of any Hydra application, and some commands only work with those of ``besom train``.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from besom.common.flatten import flatten
from besom.common.terminal.commands import besom_command
from besom.results.studies import StudyRecord
from besom.rnn.config import DATA, Data, Model, Train, open_schema
from besom.rnn.models import schema_of
from besom.tracking import schema
from besom.tracking.reader import Reader

WORKLOAD = "besom.rnn.train.train"
"""The task of ``besom train`` and ``besom sweep``, as a study's command names it."""

TOP_K = "hydra.sweeper.confirm.top_k"
ONLY = "hydra.sweeper.confirm.only=true"

PRIMARY = "train"
"""The configuration of ``besom train``, with and without ``-m``. No sweep has that name."""


@dataclass(frozen=True)
class Advice:
    """Advice to the user: words, followed by what to type."""

    lead: str
    typed: str

    def __str__(self) -> str:
        return f"{self.lead}`{self.typed}`"


def workload_config(text: str | None) -> DictConfig | None:
    """Return a recorded ``config.yaml`` as ``besom train`` would get it today.

    It has all keys of the schema, with values of the right types. Keys that an earlier Besom did
    not have get the schema's values. Keys that the schema does not have, of a later Besom, stay; a
    training that fails because of them names them.

    Returns:
        None if it is not a configuration of ``besom train``.
    """
    try:
        config = OmegaConf.create(text or "")
        return _whole(config) if isinstance(config, DictConfig) and _fits(config) else None
    except (OmegaConfBaseException, YAMLError, ValueError):
        return None


def begun(reader: Reader, study: StudyRecord) -> Mapping[str, Any]:
    """Return the command that began a study: ``task``, ``config_name``, ``overrides``.

    It is empty if another application or ``besom train -m`` began the study, not ``besom sweep``.
    """
    command = _command(reader, study)
    is_sweep = command.get("task") == WORKLOAD and command.get("config_name") != PRIMARY
    return command if is_sweep else {}


def how_to_confirm(reader: Reader, study: StudyRecord) -> Advice:
    """Return how to get a verdict: by ``besom confirm NAME``, if that accepts this study."""
    if begun(reader, study):
        return Advice("", besom_command("confirm", study.name, flags=reader.flags))
    return Advice("the sweep's own command with ", f"{ONLY} {TOP_K}=3")


def is_of_another_application(reader: Reader, study: StudyRecord) -> bool:
    """Return whether the study's command names another task."""
    return bool(_command(reader, study).get("task") != WORKLOAD)


def how_to_run_again(reader: Reader, run_id: str) -> str:
    """Return how another application's own command trains a run again."""
    recorded = OmegaConf.create(reader.text(run_id, schema.OVERRIDES_FILE) or "[]")
    latest = {word.partition("=")[0].lstrip("+"): word for word in map(str, recorded)}
    if not latest:
        return "its own command, without -m, trains it again."
    return f"its own command, without -m, trains it again with:\n{shlex.join(latest.values())}"


def _command(reader: Reader, study: StudyRecord) -> Mapping[str, Any]:
    """Return the recorded command; empty where a kill came before it was delivered."""
    text = reader.text(study.parent.run_id, schema.COMMAND_FILE)
    return cast(Mapping[str, Any], json.loads(text or "{}"))


def _whole(config: DictConfig) -> DictConfig:
    """Add the schema's values of keys that are missing."""
    present = flatten(config)
    for key, value in flatten(_schema(config)).items():
        if key not in present:
            OmegaConf.update(config, key, value)
    return config


def _fits(config: DictConfig) -> bool:
    """Return whether every value that a training depends on is there, and has its type.

    Raises:
        OmegaConfBaseException: a value has another type.
    """
    schema = _schema(config)
    required = {key for key in OmegaConf.missing_keys(schema) if not key.startswith("tracking.")}
    values = flatten(config)
    for key in (required | flatten(schema).keys()) & values.keys():
        OmegaConf.update(schema, key, values[key])
    return values.keys() >= required


def _schema(config: DictConfig) -> DictConfig:
    """Return the schema of a configuration, with those of its kind of data and its network."""
    kind = OmegaConf.select(config, "data.kind", default=OmegaConf.select(config, "data.name"))
    model = OmegaConf.select(config, "model")
    network = schema_of(model) if OmegaConf.is_dict(model) else Model
    held = OmegaConf.structured(Train(data=DATA.get(kind, Data)()))
    held.merge_with({"model": open_schema(network)})
    return cast(DictConfig, held)
