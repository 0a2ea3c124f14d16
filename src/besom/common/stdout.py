"""Copes with standard streams that are closed, full, or read by a program that ends, as ``head``.

No work ends for what cannot be printed. Where a reader has gone that is all; where the output is
lost for another reason, a command says so at its end.
"""

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO, cast

from besom.common.errors import CodeError, StoreError, UserError
from besom.common.text import printable

GONE = (errno.EPIPE, errno.EIO)
"""The reader of a pipe, or a terminal, is not there any more."""

STOPPED = 130

TENSORFLOW_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""The variable that says what TensorFlow logs beside what it tells Python."""
TENSORFLOW_SILENT = "3"
"""Errors reach Python as exceptions; what TensorFlow logs as errors beside them is noise, such as a
line of 3,000 characters for each program out of the cache."""


@contextmanager
def read_or_not() -> Iterator[None]:
    """What is printed inside is dropped once it cannot be written.

    Raises:
        StoreError: at the end, where something was dropped that a reader may still want.
    """
    was_closed = sys.stdout is None
    open_closed()
    stream = _MaybeUnread(sys.stdout, errno.EBADF if was_closed else None)
    with redirect_stdout(cast(TextIO, stream)):
        try:
            yield
        finally:
            stream.flush()  # the interpreter would complain of what is left
    if stream.lost_for not in (None, *GONE):
        raise StoreError(
            f"standard output could not be written: {os.strerror(stream.lost_for)}; what it would "
            "have shown is lost"
        )


@contextmanager
def warnings_no_errors() -> Iterator[None]:
    """Under ``python -W error``, libraries may go on that warn of themselves, on import even.

    The task runs in processes of its own, where errors stay errors.
    """
    with warnings.catch_warnings():
        if any(action == "error" for action, *_ in warnings.filters):
            warnings.simplefilter("ignore")
        yield


@contextmanager
def standard_error_shut() -> Iterator[None]:
    """TensorFlow writes lines to descriptor 2 when it starts, before it reads any log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def print_data(text: str) -> None:
    """Print CSV, JSON or a log as it is; on a terminal, without what would steer it."""
    if sys.stdout.isatty():
        text = "\n".join(map(printable, text.split("\n")))
    print(text, end="")


def complain(error: UserError) -> int:
    """Print a mistake as it is shown everywhere in Besom; return the exit code that it means."""
    if isinstance(error, CodeError):
        say(error.traceback)
    say(f"besom: {error}")
    return error.exit_code


def stopped(and_then: str = "") -> int:
    """Say that Ctrl-C has ended a command; return its exit code, as shells have it."""
    say(f"besom: stopped by Ctrl-C{and_then}")
    return STOPPED


def say(text: str) -> None:
    """A line on standard error, where there is one that takes it."""
    if sys.stderr is None:  # closed
        return
    try:
        # In one write: another thread's line would stand before the end of this one.
        print(f"{text}\n", end="", file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def open_closed() -> None:
    """Have nothing where a standard stream was closed: else the next file that is opened, a
    database say, would be taken for it by all that this process starts."""
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        try:
            os.fstat(number)
        except OSError:
            lowest = os.open(os.devnull, os.O_RDWR)  # of the numbers that are free: this one
            os.set_inheritable(lowest, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  it stays


def _drop(stream: TextIO) -> None:
    """Let a stream write to nowhere from now on, with what it still holds."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _MaybeUnread:
    """Standard output. ``lost_for`` is the error number for which something was not written."""

    def __init__(self, stream: TextIO, closed: int | None) -> None:
        self._stream = stream
        self._closed = closed
        self.lost_for: int | None = None

    def write(self, text: str) -> int:
        self.lost_for = self.lost_for or (self._closed if text else None)
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost_for = self.lost_for or error.errno
        _drop(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
