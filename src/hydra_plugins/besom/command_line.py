"""The one place where a mistake in another application's command line can be explained.

There Hydra reads the command line before any sweeper is called, and says what it does not know in
its own words. Its search path plugins come before that. What a file says wrongly cannot be reached
so. Kept thin: Hydra imports and calls this whenever any application starts.
"""

import sys

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from besom.app.config_paths import conf_folder


class BesomCommandLine(SearchPathPlugin):
    """Changes nothing; looks at a command line that has ``hydra/sweeper=besom``, or nearly so."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        words = [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]
        # hydra/sweeper, or that misspelled: Hydra has no other group like it.
        chosen = [option for group, option in map(_read, words) if group.startswith("hydra/s")]
        if chosen and all(part.path != str(conf_folder()) for part in search_path.get_path()):
            from hydra_plugins.besom import _misspelled

            _misspelled.check(words, chosen[-1], search_path)


def _read(word: str) -> tuple[str, str]:
    """A group of Hydra's own, not one below it, and its option; else nothing."""
    group, _, option = word.partition("=")
    return (group, option) if group.count("/") == 1 else ("", "")
