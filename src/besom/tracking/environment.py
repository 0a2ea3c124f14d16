"""Finds out how a run is made: its code, packages, machine and command."""

import functools
import getpass
import os
import platform
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from importlib.metadata import Distribution, distributions, version
from pathlib import Path
from typing import Self

from besom.tracking import schema

GIT_SECONDS = 10
# A larger diff holds data or notebooks, which a run must not carry.
DIFF_LENGTH = 1_000_000


@dataclass(frozen=True)
class Environment:
    """The environment of a run: short facts as tags, long ones as text artifacts by path."""

    tags: dict[str, str]
    texts: dict[str, str]

    @classmethod
    def here(cls) -> Self:
        """Return the environment of this process in its working folder."""
        return cls.of(Path.cwd())

    @classmethod
    @functools.cache
    def of(cls, folder: Path) -> Self:
        """Return the environment of this process, working in ``folder``. Cached; never fails."""
        code = _code(folder)
        return cls(_machine() | code.tags, {schema.PACKAGES_FILE: _packages()} | code.texts)


def _machine() -> dict[str, str]:
    return {
        schema.VERSION: version("besom"),
        schema.HOST: socket.gethostname(),
        schema.PLATFORM: platform.platform(),
        schema.PROCESSOR: f"{_processor()}, {os.cpu_count()} cores",
        schema.PYTHON: platform.python_version(),
        schema.COMMAND: shlex.join(sys.orig_argv),
        schema.MLFLOW_USER: _user(),
        schema.MLFLOW_SOURCE: sys.argv[0],
        schema.MLFLOW_SOURCE_TYPE: "LOCAL",
    }


def _processor() -> str:
    """Return the processor's product name, or else the name that Python's ``platform`` gives."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id without a name
        return str(os.getuid())


def _packages() -> str:
    """Return the installed packages, as ``pip freeze`` would pin them."""
    facts = map(_facts, distributions())
    found = {f"{fact['Name']}=={fact['Version']}" for fact in facts}
    return "".join(f"{pin}\n" for pin in sorted(found, key=str.lower))


def _facts(package: Distribution) -> Message:
    """Return a package's metadata without the description, which takes longest to parse."""
    text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
    return message_from_string(text.partition("\n\n")[0])


def _code(folder: Path) -> Environment:
    """Return commit and uncommitted changes of the working folder, or why they are unknown."""
    try:
        commit = _git(folder, "rev-parse", "HEAD").strip()
        changes = _git(folder, "status", "--porcelain")
        diff = _git(folder, "diff", "--no-ext-diff", "--no-color", "HEAD")
    except FileNotFoundError:
        return Environment({schema.COMMIT: "unknown: git is not installed"}, {})
    except subprocess.CalledProcessError as error:
        return Environment({schema.COMMIT: f"unknown: {_first_line(error.stderr)}"}, {})
    except (subprocess.TimeoutExpired, OSError) as error:
        return Environment({schema.COMMIT: f"unknown: {error}"}, {})
    tags = {
        schema.COMMIT: commit,
        schema.HAS_CHANGES: schema.flag(bool(changes)),
        schema.MLFLOW_COMMIT: commit,
    }
    return Environment(tags, {schema.DIFF_FILE: _cut(diff)} if diff else {})


def _git(folder: Path, *arguments: str) -> str:
    # Without optional locks, so as not to block the user's own git commands.
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    finished = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=True,
        timeout=GIT_SECONDS,
    )
    return finished.stdout.decode(errors="replace")


def _first_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "git failed"


def _cut(diff: str) -> str:
    if len(diff) <= DIFF_LENGTH:
        return diff
    return f"{diff[:DIFF_LENGTH]}\n# cut here: {len(diff) - DIFF_LENGTH} more characters\n"
