"""Says in a line what is wrong with a command that asks for Besom's sweeper.

In other people's applications Hydra reads the command line before any sweeper is called, and says
what it does not know in its own words. Its search path plugins come before that: here is the one
place where such a mistake can be explained. What a file says wrongly cannot be reached so.
"""

import copy
import sys
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches

from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from hydra.plugins.search_path_plugin import SearchPathPlugin

from besom.errors import ConfigError
from besom.explain import explain, unknown_option
from besom.nearest import MISTYPED, did_you_mean, listed
from besom.output import complain
from besom.paths import conf_folder
from besom.sweeping.options import GROUP, PRUNERS, SAMPLERS, ConfirmOptions, SweepOptions

CHOOSES = f"{GROUP}="
NODE = "hydra.sweeper"
GROUPS = (GROUP, f"{GROUP}/sampler", f"{GROUP}/pruner")
HYDRAS = ("_", ".defaults")
MORE_FOLDERS = ("--config-dir", "-cd", "hydra.searchpath")
"""With these on the command line, a group may have options that nothing here knows."""


class BesomTyped(SearchPathPlugin):
    """Changes nothing; looks at a command line that has ``hydra/sweeper=besom``, or nearly so."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        words = [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]
        chosen = [word.partition("=")[2] for word in words if word.startswith(CHOOSES)]
        ours = any(part.path == str(conf_folder()) for part in search_path.get_path())
        if ours or not chosen or not get_close_matches(chosen[-1], ["besom"], cutoff=MISTYPED):
            return
        try:
            if not any(word.startswith(MORE_FOLDERS) for word in sys.argv):
                _check_options(words, search_path)
            for word in words if chosen[-1] == "besom" else ():
                _check_word(word)
        except ConfigError as error:
            raise SystemExit(complain(error)) from error


def _check_options(words: Sequence[str], search_path: ConfigSearchPath) -> None:
    whole = copy.deepcopy(search_path)
    whole.append("schema", "structured://")
    repository = ConfigRepository(whole)
    for word in words:
        group, _, option = word.partition("=")
        offered = repository.get_group_options(group) if group in GROUPS else [option]
        # What is like none of them may be an option of a folder that a configuration names.
        if option not in offered and get_close_matches(option, offered, cutoff=MISTYPED):
            raise unknown_option(group, option, offered)


def _check_word(word: str) -> None:
    key = word.partition("=")[0]
    if key.startswith(f"{NODE}."):
        _check_key(key)
    try:
        OverridesParser.create().parse_overrides([word])
    except OverrideParseException as error:
        raise explain(error) from error


def _check_key(key: str) -> None:
    """An option of the sweeper, or of its sampler, pruner or confirmation, whichever is chosen."""
    parts = {"sampler": SAMPLERS, "pruner": PRUNERS, "confirm": (ConfirmOptions,)}
    _, _, name, *rest = key.split(".")
    place, records = (
        (f"{NODE}.{name}", parts[name]) if rest and name in parts else (NODE, (SweepOptions,))
    )
    known = {f"{place}.{field.name}" for record in records for field in fields(record)}
    asked = ".".join(key.split(".")[: place.count(".") + 2])
    if asked not in known:
        names = listed(one.rpartition(".")[2] for one in known if not one.endswith(HYDRAS))
        raise ConfigError(f"no key `{key}`; {did_you_mean(asked, known, f'{place} has {names}')}")
