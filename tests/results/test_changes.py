"""Tests which changes since a run are reported when it is reproduced."""

from pathlib import Path

import pytest

from besom.results.changes import changes
from besom.tracking import schema
from besom.tracking.environment import Environment
from tests.nvidia_smi import A100, H100, fake_gpus

TOLD = {"data.digest": "a" * 64, "engine": "xla", "threads": "1", schema.CODE: "c" * 64}
"""What the task logs of itself, and the digest of its source."""


@pytest.fixture
def here() -> Environment:
    return Environment.here()


def recorded(here: Environment) -> dict[str, str | None]:
    return {
        schema.PACKAGES_FILE: here.texts[schema.PACKAGES_FILE],
        schema.DIFF_FILE: here.texts.get(schema.DIFF_FILE),
    }


def test_nothing_changed(here: Environment) -> None:
    assert changes(here.tags | TOLD, TOLD, recorded(here)) == []


@pytest.mark.parametrize(
    ("tag", "then", "now", "line"),
    [
        ("data.digest", "a" * 64, "b" * 64, f"data: {'a' * 16} then, {'b' * 16} now"),
        ("threads", "1", "2", "threads: 1 then, 2 now"),
        ("engine", "xla", "keras", "engine: xla then, keras now"),
        (schema.VERSION, "0.1", "0.2", "besom: 0.1 then, 0.2 now"),
        (schema.CODE, "a" * 64, "b" * 64, f"code: source {'a' * 16} then, {'b' * 16} now"),
    ],
)
def test_what_the_task_tells_is_compared(
    tag: str, then: str, now: str, line: str, here: Environment
) -> None:
    tags, told = here.tags | TOLD | {tag: then}, here.tags | TOLD | {tag: now}
    assert changes(tags, told, recorded(here)) == [line]


def test_another_processor_is_named(here: Environment) -> None:
    then = here.tags | TOLD | {schema.PROCESSOR: "Cray-1, 1 cores"}
    (line,) = changes(then, TOLD, recorded(here))
    assert line.startswith("processor: Cray-1, 1 cores then, ")


def test_another_gpu_is_named_and_another_of_the_same_model_is_not(
    here: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines(*devices: str) -> list[str]:
        then = here.tags | TOLD | schema.placed("node", devices)
        return changes(then, TOLD, recorded(here))

    assert lines(f"GPU 0: {A100}") == [f"GPU: {A100} then, none now"]
    fake_gpus(monkeypatch, tmp_path / "bin", H100, H100)
    assert lines() == [f"GPU: none then, {H100} now"]
    assert lines(f"GPU 1: {H100}") == lines(f"GPU 0: {H100}", f"GPU 1: {H100}") == []


def test_packages_are_compared_one_by_one(here: Environment) -> None:
    pins = [
        pin
        for pin in here.texts[schema.PACKAGES_FILE].splitlines()
        if not pin.startswith("numpy==")
    ]
    texts = recorded(here) | {schema.PACKAGES_FILE: "\n".join([*pins, "numpy==0.1", "gone==1.0"])}
    lines = changes(here.tags | TOLD, TOLD, texts)
    assert [line.partition(" then")[0] for line in lines] == [
        "package: gone 1.0",
        "package: numpy 0.1",
    ]
    assert lines[0].endswith("none now")


def test_another_commit_and_other_uncommitted_changes_are_named(here: Environment) -> None:
    now, texts = (
        TOLD | {schema.COMMIT: "0" * 40},
        recorded(here) | {schema.DIFF_FILE: "another diff"},
    )
    (line,) = changes(here.tags | now | {schema.COMMIT: "1" * 40}, now, recorded(here))
    assert line.startswith("code: commit 1111111111111111 then")
    (line,) = changes(here.tags | now, now, texts)
    assert line.startswith("code: other uncommitted changes")


def test_what_is_not_known_is_not_said_to_be_equal(here: Environment) -> None:
    nowhere = {schema.COMMIT: "unknown: not a git repository"}
    then, now = here.tags | TOLD | nowhere, TOLD | nowhere
    assert changes(then, now, recorded(here)) == []  # the source is known to be equal
    for without in ({schema.CODE: "unknown: a prompt"}, {schema.CODE: ""}):
        (line,) = changes(then | without, now, recorded(here))
        assert line == "code: not known whether it is as it was"
        assert changes(then, now | without, recorded(here)) == [line]
    (line,) = changes(here.tags | TOLD | {schema.CODE: ""}, TOLD, recorded(here))
    assert line == "code: not known whether it is as it was"  # git may describe other code
    old = {tag: fact for tag, fact in then.items() if tag not in ("data.digest", schema.VERSION)}
    lines = changes(old, now, {})
    assert [line.partition(":")[0] for line in lines] == ["packages", "besom", "data"]
    assert all("not known" in line for line in lines)
