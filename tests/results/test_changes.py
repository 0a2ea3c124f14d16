"""What is said to have changed since a run was made."""

import pytest

from besom.results.changes import changes
from besom.tracking.environment import Environment


@pytest.fixture
def here() -> Environment:
    return Environment.here()


def recorded(here: Environment) -> dict[str, str | None]:
    return {"packages.txt": here.texts["packages.txt"], "git.diff": here.texts.get("git.diff")}


def test_nothing_changed(here: Environment) -> None:
    facts = {"data.digest": "a" * 64, "threads": "1"}
    assert changes(here.tags | facts, facts, recorded(here)) == []


@pytest.mark.parametrize(
    ("tag", "then", "now", "line"),
    [
        ("data.digest", "a" * 64, "b" * 64, f"data: {'a' * 16} then, {'b' * 16} now"),
        ("threads", "1", "2", "threads: 1 then, 2 now"),
        ("engine", "xla", "keras", "engine: xla then, keras now"),
    ],
)
def test_what_the_task_tells_is_compared(
    tag: str, then: str, now: str, line: str, here: Environment
) -> None:
    assert changes(here.tags | {tag: then}, {tag: now}, recorded(here)) == [line]


def test_another_processor_is_named(here: Environment) -> None:
    then = here.tags | {"besom.processor": "Cray-1, 1 cores"}
    (line,) = changes(then, {}, recorded(here))
    assert line.startswith("processor: Cray-1, 1 cores then, ")


def test_packages_are_compared_one_by_one(here: Environment) -> None:
    pins = [pin for pin in here.texts["packages.txt"].splitlines() if not pin.startswith("numpy==")]
    texts = recorded(here) | {"packages.txt": "\n".join([*pins, "numpy==0.1", "gone==1.0"])}
    lines = changes(here.tags, {}, texts)
    assert [line.partition(" then")[0] for line in lines] == [
        "package: gone 1.0",
        "package: numpy 0.1",
    ]
    assert lines[0].endswith("none now")


def test_another_commit_is_named(here: Environment) -> None:
    (line,) = changes(here.tags | {"besom.git.commit": "0" * 40}, {}, recorded(here))
    assert line.startswith("code: commit 0000000000000000 then")


def test_other_uncommitted_changes_are_named(here: Environment) -> None:
    texts = recorded(here) | {"git.diff": "another diff"}
    (line,) = changes(here.tags, {}, texts)
    assert line.startswith("code: other uncommitted changes")
