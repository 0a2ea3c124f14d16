"""The digest of an application's own source, and the name of its task."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from besom.app.modules import own_files
from besom.app.source import Source, source_of

WRITTEN = {
    "app.py": "import json, numpy\nimport besom\n\n\ndef main(config):\n    from near import one\n",
    "near/one.py": "import src.models.net as net\nfrom helpers_of_app import x\n",
    "helpers_of_app.py": "x = 1\n",
    "src/__init__.py": "",
    "src/models/net.py": "y = 2\n",
    "src/other.py": "z = 3\n",
    "unused.py": "w = 4\n",
    "named.py": "from deep import v\n",
    "deep.py": "v = 1\n",
    "built.py": "def make(): ...\n",
    "data/rows.py": "v = 2\n",
    "near/notes.txt": "no code\n",
}
ASK = (
    "from besom.app.source import *; import app; "
    "print(task_name(app.main), source_of(app.main).text)"
)
NAMES = """{
    "opt": [{"_target_": "named.Adam"}], "build": "built:make",
    "get": "src.other.z", "file": "data.csv", "f": 0.5
}"""
ASK_NAMED = ASK.replace("(app.main).text", f"(app.main, named_by({' '.join(NAMES.split())})).text")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in WRITTEN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def asked(folder: Path, *command: str) -> list[str]:
    words = [sys.executable, *(command or ("-c", ASK))]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split(maxsplit=1)


def test_it_follows_every_own_file_that_is_imported_and_no_other(folder: Path) -> None:
    name, before = asked(folder)
    assert name == "app.main" and len(before.strip()) == 64
    (folder / "unused.py").write_text("w = 5\n")
    (folder / "near" / "notes.txt").write_text("more\n")
    assert asked(folder) == [name, before]
    for own in ("app.py", "near/one.py", "helpers_of_app.py", "src/models/net.py", "src/other.py"):
        text = (folder / own).read_text()
        (folder / own).write_text(text + "changed = True\n")
        assert asked(folder) != [name, before], own
        (folder / own).write_text(text)


def test_it_follows_what_is_imported_by_a_call_with_its_name(folder: Path) -> None:
    calls = (
        'import_module("plug")',
        "importlib.import_module(\n    name='plug')",
        '__import__("plug.deep")',
        'import_module(".deep", "plug")',
        'import_module(".deep", package="plug")',
    )
    (folder / "plug").mkdir()
    (folder / "plug" / "__init__.py").touch()
    for number, call in enumerate(calls):
        (folder / "near" / "one.py").write_text(f"def build():\n    return {call}\n")
        (folder / "plug" / "deep.py").write_text("v = 0\n")
        before = asked(folder)
        (folder / "plug" / "deep.py").write_text(f"v = {number + 1}\n")
        assert asked(folder) != before, call
    (folder / "near" / "one.py").write_text('import_module("plug_" + name)\n')
    before = asked(folder)
    (folder / "plug" / "deep.py").write_text("v = -1\n")
    assert asked(folder) == before


def test_it_follows_a_dot_in_a_folder_that_is_no_package(folder: Path) -> None:
    (folder / "loose").mkdir()
    (folder / "loose" / "app.py").write_text(
        "from .one import x\nfrom . import (\n    two,\n)\nfrom besom.app.source import *\n"
        "def main(config): ...\nprint(task_name(main), source_of(main).text)\n"
    )
    for own in ("one.py", "two.py"):
        (folder / "loose" / own).write_text("x = 1\n")
    before = asked(folder, "-m", "loose.app")
    for own in ("one.py", "two.py"):
        (folder / "loose" / own).write_text("x = 2\n")
        after = asked(folder, "-m", "loose.app")
        assert after != before, own
        before = after


def test_it_is_the_same_however_the_application_is_started(folder: Path) -> None:
    with (folder / "app.py").open("a") as app:
        app.write("from besom.app.source import *\nprint(task_name(main), source_of(main).text)\n")
    assert (
        asked(folder, "app.py") == asked(folder, "-m", "app") == asked(folder, "-c", "import app")
    )


def test_it_follows_the_file_that_starts_the_program(folder: Path) -> None:
    _, alone = asked(folder)
    (folder / "run.py").write_text(f"import deep\nif True:\n    {ASK}\n")
    _, before = asked(folder, "run.py")
    assert before.startswith(alone.strip()) and len(before) == len(alone) + 16
    for own in ("run.py", "deep.py"):
        (folder / own).write_text((folder / own).read_text() + "changed = True\n")
        _, after = asked(folder, "run.py")
        assert after != before, own
        before = after
    assert asked(folder)[1] == alone


def test_a_task_of_an_installed_package_has_the_source_and_the_name_of_the_main_file(
    folder: Path,
) -> None:
    """For example a task that hydra-zen has wrapped."""
    wrapper = folder / "site-packages" / "zen"
    wrapper.mkdir(parents=True)
    (wrapper / "__init__.py").touch()
    (wrapper / "wrapper.py").write_text("class Zen:\n    def __call__(self, config): ...\n")
    text = (
        "import sys; sys.path.append('site-packages')\nfrom besom.app.source import *\n"
        "from zen.wrapper import Zen\nimport near.one\nzen = Zen()\n"
        "print(program_name(zen, 'wrapper'), source_of(zen).text)\n"
    )
    (folder / "study.py").write_text(text)
    name, before = asked(folder, "study.py")
    assert name == "study"
    for own in ("study.py", "helpers_of_app.py"):
        (folder / own).write_text((folder / own).read_text() + "changed = True\n")
        assert asked(folder, "study.py")[1] != before, own
        before = asked(folder, "study.py")[1]
    (folder / "study.py").write_text(text.replace("'wrapper'", "'chosen'"))
    assert asked(folder, "-m", "study")[0] == "chosen"


def test_it_follows_what_the_configuration_names(folder: Path) -> None:
    _, alone = asked(folder)
    _, before = asked(folder, "-c", ASK_NAMED)
    assert before.startswith(alone.strip()) and len(before) == len(alone) + 16
    assert not Source(alone.strip()).differs_from(Source(before.strip()))
    for other in ("unused.py", "data/rows.py"):  # `data.csv` names a file, not a module
        (folder / other).write_text("changed = True\n")
    assert asked(folder, "-c", ASK_NAMED)[1] == before
    for own in ("named.py", "deep.py", "built.py"):
        (folder / own).write_text((folder / own).read_text() + "changed = True\n")
        _, after = asked(folder, "-c", ASK_NAMED)
        assert Source(after.strip()).differs_from(Source(before.strip())), own
        before = after
    assert asked(folder)[1] == alone


def test_data_in_a_package_is_no_source_and_too_much_source_is_not_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_files, "MOST_FILES", 3)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    task = import_module("src.other")
    task.main = lambda config: 0.0  # type: ignore[attr-defined]
    task.main.__module__ = "src.other"
    for number in range(9):
        (folder / "src" / f"{number}.npz").touch()
    assert source_of(task.main).digest
    source_of.cache_clear()
    (folder / "src" / "more.py").touch()
    found = source_of(task.main)
    assert found.digest is None and found.reason.endswith("src holds more than 3 Python files")
    assert Source.read(found.text) == found
    assert not found.differs_from(Source("a" * 64)) and not Source("a" * 64).differs_from(found)


def test_code_that_is_in_no_file_is_not_known(folder: Path) -> None:
    ask = "from besom.app.source import *\ndef f(c): pass\nprint(task_name(f), source_of(f).text)"
    name, digest = asked(folder, "-c", ask)
    assert name.endswith("f") and digest.startswith("unknown: ")
