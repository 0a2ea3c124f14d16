"""Where the caches are, on each platform."""

import sys
from pathlib import Path

import pytest

from besom.rnn.cache_folder import cache_folder


def test_the_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", None, ".cache/besom"),
        ("linux", "XDG_CACHE_HOME", "chosen/besom"),
        ("darwin", None, "Library/Caches/besom"),
        ("win32", "LOCALAPPDATA", "chosen/besom"),
    ],
)
def test_otherwise_it_is_in_the_platforms_own(
    platform: str,
    variable: str | None,
    folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("BESOM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "chosen"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == tmp_path / folder
