"""What `make` installs from the lock, and what a wheel contains."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINNED = re.findall(r"^([a-z0-9-]+)==\S+ ", LOCK, flags=re.MULTILINE)


def test_the_lock_names_no_place() -> None:
    # pragma: allowlist nextline secret
    assert re.findall(r"^.*(?:://|file:|\s@\s|--index|--find-links).*$", LOCK, re.MULTILINE) == []


def test_the_lock_pins_every_file_by_hash() -> None:
    entries = re.split(r"\n(?=[a-z0-9-]+==)", LOCK)[1:]
    assert len(entries) == len(PINNED) > 100
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = PROJECT["project"]
    asked = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["dependency-groups"]["dev"],
        *project["dependencies"],
        *project["optional-dependencies"]["cmaes"],
    ]
    names = {re.split(r"[<>=\[]", requirement)[0] for requirement in asked}
    assert names - set(PINNED) == set()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds Besom as a wheel installs it, apart from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True, cwd=folder
    )
    [wheel] = folder.glob("besom-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_wheel_carries_configurations_and_types(installed: Path) -> None:
    for name in ("conf", "sweeps"):
        carried = {file.name for file in (installed / "besom" / name).rglob("*.yaml")}
        assert carried == {file.name for file in (ROOT / name).rglob("*.yaml")} != set()
    assert files(installed / "besom" / "examples") == files(ROOT / "examples") > {"README.md"}
    assert (installed / "besom" / "py.typed").is_file()
    assert not (installed / "hydra_plugins" / "__init__.py").exists()


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.rglob("*.*") if file.suffix != ".pyc"}


COMMANDS = """
import json, sys, besom.cli.main
print(besom.__file__, flush=True)
for words in json.loads(sys.argv[1]):
    assert besom.cli.main.main(words) == 0, words
    print(flush=True)
"""


def test_an_installed_besom_works_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    said = {
        ("--help",): "besom train",
        ("sweep",): "quickstart",
        ("init", "mine", "--keras"): "python main.py -m",
        ("train", "--cfg", "job"): "units: 32",
        ("train", "--info", "searchpath"): f"file://{installed}/besom/conf",
        ("sweep", "quickstart", "--cfg", "hydra", "-p", "hydra.sweeper"): "besom",
    }
    ended = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps([*said])],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert Path(ended.stdout.partition("\n")[0]).is_relative_to(installed)
    position = 0
    for words, expected in said.items():
        position = ended.stdout.find(expected, position)
        assert position > 0, words
