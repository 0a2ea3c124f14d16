"""``conf/`` in the working folder counts wherever Besom's own configurations are composed."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from besom.app.config_paths import added_folder, conf_folder


class BesomSearchPath(SearchPathPlugin):
    """Hydra asks this of every application; it changes nothing in others."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        main = [part.path for part in search_path.get_path() if part.provider == "main"]
        if main == [str(conf_folder())] and (added := added_folder()):
            search_path.prepend("besom", f"file://{added}", anchor="main")
