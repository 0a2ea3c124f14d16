"""Where configurations are found: the working folder's first, then those that came with Besom."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parents[1]


def conf_folder() -> Path:
    """The folder with ``train.yaml``: ``conf/`` here, else Besom's own."""
    here = Path.cwd() / "conf"
    return here if (here / "train.yaml").is_file() else _own("conf")


def added_folder() -> Path | None:
    """``conf/`` here, where it holds experiments and no ``train.yaml``: it adds to Besom's own."""
    here = Path.cwd() / "conf"
    adds = (here / "experiment").is_dir() and not (here / "train.yaml").is_file()
    return here if adds else None


def sweep_files() -> dict[str, Path]:
    """Every sweep by its name. One in ``sweeps/`` here hides one of that name that Besom brings."""
    folders = (_own("sweeps"), Path.cwd() / "sweeps")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"))}


def _own(name: str) -> Path:
    """A folder that an installed package holds inside, and a checkout at its top."""
    installed = PACKAGE / name
    return installed if installed.is_dir() else CHECKOUT / name
