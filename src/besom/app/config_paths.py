"""Finds configurations, sweeps and examples: those of the working folder, and Besom's own."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parents[1]


def conf_folder() -> Path:
    """Return the folder of Besom's own configurations, such as ``train.yaml``."""
    return _own("conf")


def added_folder() -> Path | None:
    """Return ``conf/`` in the working folder; None where there is none or it is Besom's own.

    Its files are used beside Besom's, and hide those of the same name.
    """
    here = Path.cwd() / "conf"
    return here if here.is_dir() and not here.samefile(conf_folder()) else None


def sweep_files() -> dict[str, Path]:
    """Return the file of every sweep by its name.

    A sweep in ``sweeps/`` of the working folder hides Besom's own sweep of the same name.
    """
    folders = (_own("sweeps"), Path.cwd() / "sweeps")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"))}


def examples_folder() -> Path:
    """Return the folder of the example applications that ``besom init`` copies."""
    return _own("examples")


def _own(name: str) -> Path:
    """Return a folder that an installed package holds inside, and a checkout at its top level."""
    installed = PACKAGE / name
    return installed if installed.is_dir() else CHECKOUT / name
