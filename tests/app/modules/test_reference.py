"""A function that a configuration names is found in the working folder, without an import."""

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from besom.app.modules.reference import Reference
from besom.common.errors import ConfigError

WRITTEN = {
    "alone_for_test.py": """
        raise AssertionError("imported")
        def build(config): ...
        if True:
            from somewhere import other as another, plain
        else:
            late = build
    """,
    "package_for_test/__init__.py": "raise AssertionError('imported')",
    "package_for_test/inner.py": "class Net: ...",
    "starred_for_test.py": "from somewhere import *",
    "broken_for_test.py": "def build(config)\n",
    "usable_for_test.py": "def build(): return 3\nnumber = 4\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in WRITTEN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(dedent(text))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    return tmp_path


def read(text: str) -> Reference:
    return Reference.read("model.build", text)


@pytest.mark.parametrize(
    "text",
    [
        *("alone_for_test:build", "alone_for_test:another", "alone_for_test:plain"),
        *("alone_for_test:late", "package_for_test.inner:Net", "starred_for_test:whatever"),
        *("json.decoder:JSONDecoder", "time:sleep"),
    ],
)
def test_what_is_there_is_found_without_importing_it(text: str) -> None:
    read(text).check()
    assert "package_for_test" not in sys.modules


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("alone_for_tset:build", ["no module `alone_for_tset` in", "mean `alone_for_test`?"]),
        ("alone_for_test:biuld", ["no function `biuld` in alone_for_test", "mean `build`?"]),
        ("package_for_test.inxer:Net", ["no module `inxer` in package_for_test", "`inner`?"]),
        ("alone_for_test.deep:build", ["no module `deep` in alone_for_test"]),
        ("broken_for_test:build", ["broken_for_test.py, line 1: "]),
        ("alone_for_test", ["write MODULE:FUNCTION, `alone_for_test:build` say"]),
        ("package.inner.Net", ["`package.inner:Net` say"]),
        ("package/inner.py:Net", ["`package.inner:Net` say"]),
        ("inner.py", ["`inner:build` say"]),
        ("3", ["`my_package.models:build` say"]),
        ("", ["`my_package.models:build` say"]),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest_name(text: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text).check()
    message = str(caught.value)
    assert message.startswith(f"`model.build={text}`"), message
    assert all(part in message for part in parts), message


def test_it_is_loaded_as_python_finds_it(folder: Path) -> None:
    assert read("usable_for_test:build").load()() == 3
    assert sys.path[0] == str(folder)
    with pytest.raises(ConfigError, match="no function `number`"):
        read("usable_for_test:number").load()
    with pytest.raises(AssertionError, match="imported"):
        read("alone_for_test:build").load()
