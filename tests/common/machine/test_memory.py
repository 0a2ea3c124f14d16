"""The memory of the machine or its container, and how amounts of memory are written."""

from pathlib import Path

import pytest

from besom.common.machine import memory
from besom.common.machine.memory import parse_bytes, show_bytes, total_memory


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4GiB", 4 << 30),
        ("4Gi", 4 << 30),
        (" 1.5 gib ", 3 << 29),
        ("4GB", 4_000_000_000),
        ("500M", 500_000_000),
        ("4294967296", 4 << 30),
        ("4e9", None),
        ("100B", 100),
        ("4 gigabytes", None),
        ("-1GiB", None),
        ("GiB", None),
        ("", None),
        ("4iB", None),
        ("9" * 400, None),
    ],
)
def test_an_amount(text: str, number: int | None) -> None:
    assert parse_bytes(text) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [(100, "100 B"), (4 << 30, "4 GiB"), (500_000_000, "476.8 MiB"), (5000 << 40, "5000 TiB")],
)
def test_an_amount_in_words(number: int, text: str) -> None:
    assert show_bytes(number) == text


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/a/b\n", {"a/memory.max": "4096", "a/b/memory.max": "max"}, 4096),
        ("0::/\n", {"memory.max": "8192"}, 8192),
        ("0::/of/the/host\n", {"memory.max": "4096"}, 4096),
        ("4:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "4096"}, 4096),
        ("4:memory:/a\n", {"memory/memory.limit_in_bytes": str((1 << 63) - 4096)}, None),
        ("2:cpu:/a\n", {}, None),
    ],
)
def test_a_container_may_allow_less_than_the_machine_has(
    groups: str,
    files: dict[str, str],
    limit: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "missing")
    monkeypatch.setattr(memory, "MOUNT", tmp_path)
    whole = total_memory()
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "groups").write_text(groups)
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    assert total_memory() == (limit or whole)
