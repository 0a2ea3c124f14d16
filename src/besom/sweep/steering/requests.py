"""Requests to a running sweep: one file for each, in a folder of the study.

A command writes ``ID.request``. The supervisor renames it to ``ID.taken`` before it reads it; a
command that has waited too long renames it to ``ID.withdrawn``. Only one of the two succeeds, so
what the command reports is true. The answer is ``ID.answer``.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from besom.common.errors import StoreError, StudyError
from besom.common.files import replace_text
from besom.common.locks import supervisor_of

REQUEST, TAKEN, WITHDRAWN, ANSWER = ".request", ".taken", ".withdrawn", ".answer"

STOP, STOP_TRIAL, ENQUEUE, SET = "stop", "stop trial", "enqueue", "set"

ANSWER_SECONDS = 30.0
"""Seconds to wait for an answer. A supervisor looks twice a second, but may be starting or busy."""
POLL_SECONDS = 0.05
LOCK_SECONDS = 0.5


@dataclass(frozen=True)
class Request:
    """What another terminal asks of a supervisor.

    Attributes:
        id: unique; requests are applied in the order of their ids.
        kind: ``STOP``, ``STOP_TRIAL``, ``ENQUEUE`` or ``SET``.
        to: the supervisor that held the study's lock when the request was made.
        arguments: what this kind of request needs.
    """

    id: str
    kind: str
    to: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    Attributes:
        is_applied: false if the request was refused.
        text: what happened, or why nothing did.
    """

    is_applied: bool
    text: str


def steering_folder(root: Path, study: str) -> Path:
    """Return the folder of a study's requests and of its supervisor's progress file."""
    return root / "steering" / study


def ask(folder: Path, lock: tuple[Path, str], kind: str, **arguments: Any) -> str:
    """Have the supervisor of a study do something; return its report of what it has done.

    Args:
        folder: see :func:`steering_folder`.
        lock: folder and name of the study's lock.

    Raises:
        StudyError: no supervisor runs, it refuses, or it does not answer; nothing has changed.
        StoreError: the folder cannot be written.
    """
    holder = supervisor_of(*lock)
    if not holder:
        raise StudyError(
            f"the study `{folder.name}` is not being swept, so nothing was changed; its own "
            "command goes on with it."
        )
    request = Request(f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}", kind, holder, arguments)
    try:
        replace_text(folder / f"{request.id}{REQUEST}", json.dumps(asdict(request)))
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}.") from error
    try:
        answer = _answer(folder, lock, request)
    except KeyboardInterrupt:  # the user no longer wants it
        (folder / f"{request.id}{REQUEST}").unlink(missing_ok=True)
        raise
    if not answer.is_applied:
        raise StudyError(answer.text)
    return answer.text


def _answer(folder: Path, lock: tuple[Path, str], request: Request) -> Answer:
    """Wait for the answer; withdraw the request if none comes."""
    began = time.monotonic()
    looks_again = began + LOCK_SECONDS
    while (answer := _read_answer(folder, request.id)) is None:
        now = time.monotonic()
        if now > looks_again:
            looks_again = now + LOCK_SECONDS
            runs, is_late = bool(supervisor_of(*lock)), now - began > ANSWER_SECONDS
            if (not runs or is_late) and (answer := _withdrawn(folder, request, runs)):
                return answer
        time.sleep(POLL_SECONDS)
    return answer


def _withdrawn(folder: Path, request: Request, runs: bool) -> Answer | None:
    """Withdraw a request without an answer, and return what to say of it.

    None if it has been answered just now.
    """
    withdrawn = folder / f"{request.id}{WITHDRAWN}"
    try:
        (folder / f"{request.id}{REQUEST}").rename(withdrawn)
    except FileNotFoundError:  # it has been taken
        if (folder / f"{request.id}{ANSWER}").exists():
            return None
        late = "has not confirmed it yet" if runs else "ended before; its own command resumes it"
        return Answer(True, f"The sweep has accepted it, and {late}.")
    withdrawn.unlink()
    if runs:
        return Answer(
            False, f"the sweep has not answered within {ANSWER_SECONDS:g} s; nothing was changed"
        )
    return Answer(False, "the sweep has ended meanwhile; nothing was changed")


def _read_answer(folder: Path, request_id: str) -> Answer | None:
    path = folder / f"{request_id}{ANSWER}"
    try:
        answer = Answer(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    path.unlink()
    return answer


# -- the supervisor's side -------------------------------------------------------------------------


def taken_requests(folder: Path) -> Iterator[Request]:
    """Yield the requests that were taken before, and take and yield those that have come."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.suffix == REQUEST:
            with suppress(FileNotFoundError):  # withdrawn
                yield from _read(path.rename(path.with_suffix(TAKEN)))
        elif path.suffix == TAKEN:
            yield from _read(path)


def _read(path: Path) -> Iterator[Request]:
    try:
        yield Request(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):  # not written by a command of Besom's
        path.unlink()


def settle(folder: Path, request: Request, answer: Answer) -> None:
    """Answer a request that has been taken."""
    replace_text(folder / f"{request.id}{ANSWER}", json.dumps(asdict(answer)))
    (folder / f"{request.id}{TAKEN}").unlink(missing_ok=True)


def forget_answers(folder: Path) -> None:
    """Remove the files of commands that were ended before they read their answer."""
    for path in folder.iterdir():
        if path.suffix in (ANSWER, WITHDRAWN):
            with suppress(FileNotFoundError):  # its command has just read it
                if time.time() - path.stat().st_mtime > 2 * ANSWER_SECONDS:
                    path.unlink()
