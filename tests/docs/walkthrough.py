"""Follows a page of documentation as a reader does: writes its files, runs its commands.

A block with a title is a file of that name; where the file exists, the page must show its content.
A ``console`` block holds commands after ``$`` and what they print. Numbers in a printed line may
differ, and ``…`` stands for any lines.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r'^( *)```(\w+)(?: title="([^"]+)")?[^\n]*\n(.*?)^\1```$', re.DOTALL | re.MULTILINE
)
NUMBER = re.compile(r"[+-]?\d[\d.,:_]*(?:e[+-]?\d+)?")
SECONDS = 300


@dataclass(frozen=True)
class Command:
    words: str
    shown: list[str]


def walk(page: str, folder: Path) -> None:
    """Do in ``folder`` what ``docs/PAGE`` says, from top to bottom."""
    for language, title, text in blocks(page):
        if title:
            path = folder / title
            _write(path, text)
        elif language == "console":
            for command in commands(text):
                _compare(command, _run(command.words, folder))
        else:
            assert language == "text", f"{page}: a block of {language} that is not run"


def _write(path: Path, text: str) -> None:
    if path.exists():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not what the page shows"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield language, title and text of each block, without the indentation of a list."""
    for indent, language, title, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        yield language, title, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def commands(text: str) -> Iterator[Command]:
    """Yield each command of a console block; a backslash at a line's end continues it."""
    joined = text.replace("\\\n", "")
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        words, *shown = part.splitlines()
        yield Command(words, [line for line in shown if line.strip()])


def _run(words: str, folder: Path) -> str:
    """Run a command, which must succeed; return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "80"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, f"$ {words}\n{done.stdout[-3000:]}"
    return done.stdout


def _compare(command: Command, printed: str) -> None:
    """Check that all lines of the page were printed in order, with others only at ``…``."""
    lines = [_pattern(line) for line in printed.splitlines() if line.strip()]
    at, gap = 0, False
    for line in command.shown:
        if line.strip() == "…":
            gap = True
            continue
        found = _find(_pattern(line), lines, at, gap)
        assert found is not None, f"$ {command.words}\nshows no `{line}`, but\n{printed[-3000:]}"
        at, gap = found + 1, False


def _find(line: str, lines: list[str], start: int, gap: bool) -> int | None:
    last = len(lines) if gap else min(start + 1, len(lines))
    return next((at for at in range(start, last) if lines[at] == line), None)


def _pattern(line: str) -> str:
    """Return a line without its numbers and the widths of its columns."""
    plain = re.sub(r"[─━]+", "─", NUMBER.sub("0", line))
    return " ".join(plain.split())
