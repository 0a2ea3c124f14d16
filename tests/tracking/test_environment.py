import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from besom.tracking import schema
from besom.tracking.environment import Environment


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit(name: str, text: str) -> None:
    Path(name).write_text(text)
    git("add", name)
    git("commit", "-m", name)


def test_packages_and_machine() -> None:
    here = Environment.here()
    assert f"mlflow=={version('mlflow')}\n" in here.texts[schema.PACKAGES_FILE]
    assert {schema.HOST, schema.PLATFORM, schema.PROCESSOR, schema.PYTHON} <= set(here.tags)


def test_a_clean_repository() -> None:
    git("init")
    commit("a.py", "x = 1\n")
    here = Environment.here()
    assert len(here.tags[schema.COMMIT]) == 40
    assert here.tags[schema.HAS_CHANGES] == "false"
    assert schema.DIFF_FILE not in here.texts


def test_uncommitted_changes() -> None:
    git("init")
    commit("a.py", "x = 1\n")
    Path("a.py").write_text("x = 2\n")
    here = Environment.here()
    assert here.tags[schema.HAS_CHANGES] == "true"
    assert "-x = 1\n+x = 2\n" in here.texts[schema.DIFF_FILE]


def test_no_repository() -> None:
    assert Environment.here().tags[schema.COMMIT].startswith("unknown: not a git repository")


def test_no_commit_yet() -> None:
    git("init")
    assert Environment.here().tags[schema.COMMIT].startswith("unknown: ")


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert Environment.here().tags[schema.COMMIT] == "unknown: git is not installed"
