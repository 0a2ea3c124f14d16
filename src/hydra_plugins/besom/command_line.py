"""Explains mistakes in the command line of another application.

There Hydra reads the command line before it calls any sweeper, and reports unknown words in its own
way. Only its search path plugins run before that, so this is one. It cannot find mistakes in files.
Kept thin: Hydra imports and calls this whenever any application starts.
"""

import sys

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from besom.app.config_paths import conf_folder


class BesomCommandLine(SearchPathPlugin):
    """Checks a command line that has ``hydra/sweeper=besom`` or a misspelling; changes nothing."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        words = [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]
        # hydra/sweeper or a misspelling of it: Hydra has no other group that begins like this.
        chosen = [option for group, option in map(_read, words) if group.startswith("hydra/s")]
        if chosen and all(part.path != str(conf_folder()) for part in search_path.get_path()):
            from hydra_plugins.besom import _misspelled

            _misspelled.check(words, chosen[-1], search_path)


def _read(word: str) -> tuple[str, str]:
    """Return a group like ``hydra/sweeper``, not one below it, and its option; else empty texts."""
    group, _, option = word.partition("=")
    return (group, option) if group.count("/") == 1 else ("", "")
