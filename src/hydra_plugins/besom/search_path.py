"""Adds ``conf/`` of the working folder to the search path of Besom's own configurations."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from besom.app.config_paths import added_folder, conf_folder


class BesomSearchPath(SearchPathPlugin):
    """Extends the search path of Besom's own application; Hydra calls this in every application."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        main = [part.path for part in search_path.get_path() if part.provider == "main"]
        if main == [str(conf_folder())] and (added := added_folder()):
            search_path.prepend("besom", f"file://{added}", anchor="main")
