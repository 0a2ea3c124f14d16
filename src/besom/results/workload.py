"""Tells records of the reference workload from those of other applications.

A record may be of any Hydra application. Some of what can be done with one needs ``besom train``.
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
"""The configuration of ``besom train``, also with ``-m``; no sweep is called so."""


@dataclass(frozen=True)
class Advice:
    """What to do: words, and then what is to be typed."""

    lead: str
    typed: str

    def __str__(self) -> str:
        return f"{self.lead}`{self.typed}`"


def workload_config(text: str | None) -> DictConfig | None:
    """A recorded ``config.yaml`` as ``besom train`` would be given it today.

    It has all keys of the schema, each of its type; what an earlier Besom had no key for is as the
    schema says. Keys that the schema does not have stay: those of a later Besom, which a training
    that needs it names.

    Returns:
        None where it is no configuration of ``besom train``.
    """
    try:
        config = OmegaConf.create(text or "")
        return _whole(config) if isinstance(config, DictConfig) and _fits(config) else None
    except (OmegaConfBaseException, YAMLError, ValueError):
        return None


def begun(reader: Reader, study: StudyRecord) -> Mapping[str, Any]:
    """The command that began a study: ``task``, ``config_name``, ``overrides``.

    Empty where ``besom sweep`` did not begin it, but another application did, or
    ``besom train -m``.
    """
    command = json.loads(reader.text(study.parent.run_id, schema.COMMAND_FILE) or "{}")
    is_sweep = command.get("task") == WORKLOAD and command.get("config_name") != PRIMARY
    return command if is_sweep else {}


def how_to_confirm(reader: Reader, study: StudyRecord) -> Advice:
    """How to get a verdict: by ``besom confirm NAME``, where that takes this study."""
    if begun(reader, study):
        return Advice("", f"besom confirm {shlex.quote(study.name)}")
    return Advice("the sweep's own command with ", f"{ONLY} {TOP_K}=3")


def is_of_another_application(reader: Reader, study: StudyRecord) -> bool:
    """Whether its command names another task; older records may not name any."""
    command = json.loads(reader.text(study.parent.run_id, schema.COMMAND_FILE) or "{}")
    return bool(command.get("task", WORKLOAD) != WORKLOAD)


def how_to_run_again(reader: Reader, run_id: str) -> str:
    """What to give to another application's own command, so that it trains a run again."""
    recorded = OmegaConf.create(reader.text(run_id, schema.OVERRIDES_FILE) or "[]")
    latest = {word.partition("=")[0].lstrip("+"): word for word in map(str, recorded)}
    if not latest:
        return "its own command, without -m, trains it again."
    return f"its own command, without -m, trains it again with:\n{shlex.join(latest.values())}"


def _whole(config: DictConfig) -> DictConfig:
    """With the values of keys that came later."""
    present = flatten(config)
    for key, value in flatten(_schema(config)).items():
        if key not in present:
            OmegaConf.update(config, key, value)
    return config


def _fits(config: DictConfig) -> bool:
    """Whether every value that a training depends on is there, and of its type.

    Raises:
        OmegaConfBaseException: one is of another type.
    """
    schema = _schema(config)
    required = {key for key in OmegaConf.missing_keys(schema) if not key.startswith("tracking.")}
    values = flatten(config)
    for key in (required | flatten(schema).keys()) & values.keys():
        OmegaConf.update(schema, key, values[key])
    return values.keys() >= required


def _schema(config: DictConfig) -> DictConfig:
    """What a configuration is held to: of ``data`` by its data set, of ``model`` by its network."""
    kind = OmegaConf.select(config, "data.kind", default=OmegaConf.select(config, "data.name"))
    model = OmegaConf.select(config, "model")
    network = schema_of(model) if OmegaConf.is_dict(model) else Model
    held = OmegaConf.structured(Train(data=DATA.get(kind, Data)()))
    held.merge_with({"model": open_schema(network)})
    return cast(DictConfig, held)
