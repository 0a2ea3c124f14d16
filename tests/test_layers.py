"""Imports follow the layers in CONTRIBUTING.md, and heavy libraries are imported late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

# From the bottom up. A room imports only from its own floor and those below, except for UNKNOWN.
FLOORS = [
    ["besom.session", "besom.keras_task", "besom.common"],
    ["besom.app"],
    ["besom.tracking", "besom.workers"],
    ["besom.search", "besom.rnn"],
    ["besom.sweep"],
    ["besom.results", "hydra_plugins", "besom.rnn.__main__"],
    ["besom.cli"],
]
# Further rooms that a room must not import, whatever their floors.
UNKNOWN = {
    "besom.workers": ["besom.tracking"],
    "besom.search": ["besom.tracking", "besom.workers", "besom.rnn"],
    "besom.rnn": ["besom.tracking", "besom.workers", "besom.search", "besom.app.run"],
    "besom.tracking": ["besom.workers"],
    "besom.sweep": ["besom.rnn"],
}
# Modules that may break UNKNOWN, and why.
JOINTS = {
    "besom.rnn.__main__",  # the application, which joins the workload, its record and its sweeps
    "besom.workers.process_state",  # restores the state of MLflow's module, and writes no record
}
# Each vendor's package, and the rooms that may import it.
VENDORS = {
    # The text classifier raises MLflow's exceptions, so that a server reports bad input.
    "mlflow": ["besom.tracking", "besom.rnn.text_classifier"],
    "optuna": ["besom.search", "besom.cli.dashboard"],
    "tensorflow": ["besom.rnn"],
    # `keras_task` serves users' own Keras tasks, and is imported only when it is used. The session
    # names the type of a model in a signature.
    "keras": ["besom.rnn", "besom.keras_task", "besom.session"],
    "tensorboard": ["besom.sweep.callbacks.tensorboard"],
    "optuna_dashboard": ["besom.cli.dashboard"],
    "pyarrow": ["besom.rnn.data.formats"],
    "plotly": ["besom.results.report"],
    "ray": ["besom.workers.ray"],
    "scipy": ["besom.sweep.confirmation.statistics"],
    "sqlalchemy": ["besom.search.storage", "besom.tracking", "besom.cli.dashboard"],
}
MOST_LINES = 300
MOST_FILES = 12
MOST_ROOMS = 12

CHEAP = [
    "besom",
    "besom.cli.main",
    "besom.rnn.__main__",
    "besom.rnn.train",
    "hydra_plugins.besom.sweeper",
]


def modules() -> dict[str, Path]:
    names = {}
    for file in sorted(SOURCE.rglob("*.py")):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def imports(file: Path, known: set[str]) -> Iterator[str]:
    """Yield every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import; write from besom..."
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield whole if whole in known else str(node.module)


MODULES = modules()
IMPORTS = sorted(
    {(name, found) for name, file in MODULES.items() for found in imports(file, set(MODULES))}
)


def within(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def floor_of(module: str) -> int:
    """Return the floor of a module: that of the longest matching name in FLOORS."""
    found = [
        (len(room), floor)
        for floor, rooms in enumerate(FLOORS)
        for room in rooms
        if within(module, room)
    ]
    assert found, f"{module} is on no floor; put it into one of FLOORS"
    return max(found)[1]


def ours(module: str) -> bool:
    return within(module, "besom") or within(module, "hydra_plugins")


def test_imports_point_downward() -> None:
    wrong = [
        (module, found)
        for module, found in IMPORTS
        if ours(found) and "besom" not in (module, found) and floor_of(found) > floor_of(module)
    ]
    assert wrong == []


def test_rooms_do_not_know_what_they_must_not() -> None:
    wrong = [
        (module, found)
        for module, found in IMPORTS
        for room, others in UNKNOWN.items()
        if within(module, room) and any(within(found, other) for other in others)
        if module not in JOINTS
    ]
    assert wrong == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_is_imported_in_one_room_only(vendor: str) -> None:
    users = {module for module, found in IMPORTS if within(found, vendor)}
    assert users, f"no module imports {vendor} any more"
    rooms = VENDORS[vendor]
    assert [user for user in users if not any(within(user, room) for room in rooms)] == []


def test_a_room_has_few_files_and_says_what_it_is_for() -> None:
    rooms = {file.parent for file in MODULES.values() if "besom" in file.parts}
    inside = SOURCE / "besom"
    crowded = [room.name for room in rooms if len(files_of(room)) > MOST_FILES]
    silent = [room.name for room in rooms if '"""' not in (room / "__init__.py").read_text()]
    assert crowded == silent == []
    boxes = [path for path in inside.iterdir() if path.name not in ("__init__.py", "__pycache__")]
    assert len(boxes) <= MOST_ROOMS


def test_a_file_tells_one_story() -> None:
    """Split a longer file by subject; do not shorten its docstrings to fit."""
    lines = {name: len(file.read_text().splitlines()) for name, file in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def files_of(room: Path) -> list[Path]:
    return [file for file in room.glob("*.py") if file.name != "__init__.py"]


@pytest.mark.parametrize("module", CHEAP)
def test_imports_nothing_heavy(module: str) -> None:
    check = f"import sys, {module}; print(*{{'tensorflow', 'keras', 'mlflow'}} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert ended.stderr == ""
    assert ended.stdout.split() == []


def test_the_command_imports_neither_hydra_nor_numpy() -> None:
    check = "import sys, besom.cli.main; print(*{'hydra', 'omegaconf', 'numpy'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert ended.stdout.split() == []


def test_a_class_has_a_name_of_its_own() -> None:
    """Private classes are exempt: only their own file uses them."""
    owners: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                owner = owners.setdefault(node.name, str(path.relative_to(SOURCE)))
                assert owner == str(path.relative_to(SOURCE)), f"{node.name} is in {owner} too"
