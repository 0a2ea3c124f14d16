"""Imports point downward, and what is heavy is loaded late. The picture is in DESIGN.md."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

# From the ground up; each may import itself and what stands before it, less what FORBIDDEN says.
LAYERS = [
    [
        "besom.early",
        "besom.errors",
        "besom.recorder",
        "besom.task",
        "besom.addresses",
        "besom.cores",
        "besom.discretion",
        "besom.flatten",
        "besom.folders",
        "besom.importing",
        "besom.journal",
        "besom.nearest",
        "besom.output",
        "besom.overrides",
        "besom.read_only",
        "besom.serving",
        "besom.source",
    ],
    ["besom.config", "besom.paths", "besom.spelling", "besom.explain"],
    [
        "besom.preflight",
        "besom.app",
        "besom.sweep_command",
        "besom.completion",
        "besom.command_flags",
    ],
    ["besom.rnn", "besom.tracking"],
    ["besom.sweeping"],
    ["hydra_plugins", "besom.results", "besom.rnn.__main__"],
    ["besom.cli"],
]
# The parts that do not know each other, whoever is above whom.
FORBIDDEN = {
    "besom.rnn": ["besom.tracking", "besom.sweeping", "besom.app"],
    "besom.tracking": ["besom.rnn", "besom.sweeping", "besom.app"],
    "besom.sweeping": ["besom.rnn", "besom.app", "besom.config"],
}
# One vendor, one part.
VENDORS = {
    "mlflow": "besom.tracking",
    "optuna": "besom.sweeping",
    "tensorflow": "besom.rnn",
    "keras": "besom.rnn",
    "optuna_dashboard": "besom.sweeping.dashboard",
    "plotly": "besom.results.report",
    "scipy": "besom.sweeping.verdict",
}
COMPOSITION_ROOT = "besom.rnn.__main__"
# The engine's upper floor, which records; below it nothing knows of a record.
RECORDING = {
    "besom.sweeping.confirm",
    "besom.sweeping.confirmations",
    "besom.sweeping.launch",
    "besom.sweeping.process_state",  # of MLflow in a task's process, not a record
    "besom.sweeping.reconcile",
    "besom.sweeping.scribe",
    "besom.sweeping.orphaned_runs",
    "besom.sweeping.supervisor",
    "besom.sweeping.sweep",
    "besom.sweeping.trials",
}

CHEAP = [
    "besom",
    "besom.cli",
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
    """Every module that a file imports, at its top or inside a function."""
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


def height(module: str) -> int:
    """The layer of a module, as the longest name says that it is within."""
    found = [
        (len(part), floor)
        for floor, parts in enumerate(LAYERS)
        for part in parts
        if within(module, part)
    ]
    assert found, f"{module} is in no layer; put it into one of LAYERS"
    return max(found)[1]


def ours(module: str) -> bool:
    return within(module, "besom") or within(module, "hydra_plugins")


def test_imports_point_downward() -> None:
    wrong = [
        (module, found)
        for module, found in IMPORTS
        if ours(found) and "besom" not in (module, found) and height(found) > height(module)
    ]
    assert wrong == []


def test_parts_do_not_know_each_other() -> None:
    wrong = [
        (module, found)
        for module, found in IMPORTS
        for part, others in FORBIDDEN.items()
        if within(module, part) and any(within(found, other) for other in others)
        if module != COMPOSITION_ROOT
        if not (module in RECORDING and within(found, "besom.tracking"))
    ]
    assert wrong == []


def test_only_the_upper_floor_of_the_engine_records() -> None:
    wrong = [
        (module, found)
        for module, found in IMPORTS
        if within(module, "besom.sweeping") and within(found, "besom.tracking")
        if module not in RECORDING
    ]
    assert wrong == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_is_imported_in_one_part_only(vendor: str) -> None:
    users = {module for module, found in IMPORTS if within(found, vendor)}
    assert users, f"nobody imports {vendor} any more"
    assert {module for module in users if not within(module, VENDORS[vendor])} == set()


@pytest.mark.parametrize("module", CHEAP)
def test_imports_nothing_heavy(module: str) -> None:
    check = f"import sys, {module}; print(*{{'tensorflow', 'keras', 'mlflow'}} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert ended.stderr == ""
    assert ended.stdout.split() == []


def test_the_command_imports_neither_hydra_nor_numpy() -> None:
    check = "import sys, besom.cli; print(*{'hydra', 'omegaconf', 'numpy'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert ended.stdout.split() == []
