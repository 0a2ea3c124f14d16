"""The search path of configurations: the working folder first, then those that Besom ships."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parents[1]


def conf_folder() -> Path:
    """Besom's own configurations, ``train.yaml`` among them."""
    return _own("conf")


def added_folder() -> Path | None:
    """``conf/`` in the working folder, where that is not Besom's own: its files stand beside
    Besom's, and hide those of the same name."""
    here = Path.cwd() / "conf"
    return here if here.is_dir() and not here.samefile(conf_folder()) else None


def sweep_files() -> dict[str, Path]:
    """Every sweep by its name. One in ``sweeps/`` here hides one of that name that Besom brings."""
    folders = (_own("sweeps"), Path.cwd() / "sweeps")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"))}


def examples_folder() -> Path:
    """Applications to copy: ``besom init``."""
    return _own("examples")


def _own(name: str) -> Path:
    """A folder that an installed package holds inside, and a checkout at its top."""
    installed = PACKAGE / name
    return installed if installed.is_dir() else CHECKOUT / name
