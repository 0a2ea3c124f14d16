"""Reports in a line which word is misspelled in a command that asks for Besom's sweeper."""

import copy
import sys
from collections.abc import Sequence
from dataclasses import fields

from hydra._internal.config_repository import ConfigRepository
from hydra.conf import HydraConf
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from besom.app.error_messages import config_error, unknown_option
from besom.common.errors import ConfigError
from besom.common.stdout import complain
from besom.common.suggest import did_you_mean, is_mistyped, listed
from besom.search.options import (
    GROUP,
    ConfirmOptions,
    RayOptions,
    ResourcesOptions,
    StopOptions,
    SweepOptions,
)

NODE = "hydra.sweeper"
GROUPS = (GROUP, f"{GROUP}/sampler", f"{GROUP}/pruner")
LAUNCHER = "hydra/launcher"
LAUNCHERS = ("joblib", "submitit_local", "submitit_slurm", "ray", "ray_aws", "rq")
"""Launchers of other packages; one that a file names is handled where a sweep reads its options."""
OF_HYDRA = {f"hydra.{field.name}" for field in fields(HydraConf)}
HYDRAS = ("_", ".defaults")
MORE_FOLDERS = ("--config-dir", "-cd", "hydra.searchpath")
"""With these on the command line, a group may have options that are not known here."""


def check(words: Sequence[str], sweeper: str, search_path: ConfigSearchPath) -> None:
    """Check the overrides of a command line that chooses ``sweeper``, where that is Besom's.

    Raises:
        SystemExit: an override is wrong; a message has named it and a remedy.
    """
    if sweeper != "besom" and not is_mistyped(sweeper, ["besom"]):
        return
    try:
        for word in words:
            _check_group(word)
        if not any(word.startswith(MORE_FOLDERS) for word in sys.argv):
            _check_options(words, search_path)
        for word in words if sweeper == "besom" else ():
            _check_word(word)
    except ConfigError as error:
        raise SystemExit(complain(error)) from error


def _check_group(word: str) -> None:
    group = word.partition("=")[0]
    if "/" in group and is_mistyped(group, GROUPS):
        raise ConfigError(f"no config group `{group}`; {did_you_mean(group, GROUPS, '')}")


def _check_options(words: Sequence[str], search_path: ConfigSearchPath) -> None:
    whole = copy.deepcopy(search_path)
    whole.append("schema", "structured://")
    repository = ConfigRepository(whole)
    for word in words:
        group, _, option = word.partition("=")
        if group == LAUNCHER and (option in LAUNCHERS or is_mistyped(option, LAUNCHERS)):
            _check_installed(option, repository.get_group_options(LAUNCHER))
        offered = repository.get_group_options(group) if group in (*GROUPS, LAUNCHER) else [option]
        # An option unlike all of them may be in a folder that a configuration names.
        if is_mistyped(option, offered):
            raise unknown_option(group, option, offered)


def _check_installed(launcher: str, offered: Sequence[str]) -> None:
    if launcher not in offered:
        raise ConfigError(
            f"{LAUNCHER}={launcher} is not installed, and Besom's own workers run the trials: "
            "leave it out, and say in hydra.sweeper.n_jobs how many at a time"
        )


def _check_word(word: str) -> None:
    key = word.partition("=")[0].lstrip("+")
    node = ".".join(key.split(".")[:2])
    if "/" not in node and node not in OF_HYDRA and is_mistyped(node, [NODE]):
        raise ConfigError(f"no key `{key}`; did you mean `{key.replace(node, NODE, 1)}`?")
    if key.startswith(f"{NODE}."):
        _check_key(key)
    try:
        OverridesParser.create().parse_overrides([word])
    except OverrideParseException as error:
        raise config_error(error) from error


def _check_key(key: str) -> None:
    """Refuse an unknown option of the sweeper or of its parts.

    Options of samplers and pruners may belong to the user's own class; the sweep checks them where
    it reads them.
    """
    parts = {
        "confirm": (ConfirmOptions,),
        "ray": (RayOptions,),
        "resources": (ResourcesOptions,),
        "stop": (StopOptions,),
    }
    _, _, name, *rest = key.split(".")
    if name in ("sampler", "pruner"):
        return
    place, records = (
        (f"{NODE}.{name}", parts[name]) if rest and name in parts else (NODE, (SweepOptions,))
    )
    known = {f"{place}.{field.name}" for record in records for field in fields(record)}
    asked = ".".join(key.split(".")[: place.count(".") + 2])
    if asked not in known:
        names = listed(one.rpartition(".")[2] for one in known if not one.endswith(HYDRAS))
        raise ConfigError(f"no key `{key}`; {did_you_mean(asked, known, f'{place} has {names}')}")
