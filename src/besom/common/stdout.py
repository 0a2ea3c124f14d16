"""Handles standard streams that are closed, full, or read by a program that ends, like ``head``.

Output that cannot be printed stops no work. Where the reader is gone, it is dropped silently; where
it is lost for another reason, a command reports that at its end.
"""

import errno
import os
import sys
import warnings
from codecs import lookup
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import TextIOWrapper
from typing import Any, TextIO, cast

from besom.common.errors import CodeError, StoreError, UserError
from besom.common.text import printable

GONE = (errno.EPIPE, errno.EIO)
"""The error numbers that mean that a pipe's reader, or the terminal, is gone."""

STOPPED = 130

TENSORFLOW_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""The variable that sets what TensorFlow logs outside Python."""
TENSORFLOW_SILENT = "3"
"""The level without any messages. Errors reach Python as exceptions; what TensorFlow logs as errors
beside them is noise, such as a line of 3,000 characters for each program out of the cache."""


@contextmanager
def read_or_not() -> Iterator[None]:
    """Drop what is printed inside the block once it cannot be written.

    Raises:
        StoreError: at the end, if output was dropped that a reader may still want.
    """
    was_closed = sys.stdout is None
    open_closed()
    _replace_unknown_characters()
    stream = _MaybeUnread(sys.stdout, errno.EBADF if was_closed else None)
    with redirect_stdout(cast(TextIO, stream)):
        try:
            yield
        finally:
            stream.flush()  # else the interpreter would complain about the rest
    if stream.lost_for not in (None, *GONE):
        raise StoreError(
            f"standard output could not be written: {os.strerror(stream.lost_for)}; what it would "
            "have shown is lost"
        )


@contextmanager
def warnings_no_errors() -> Iterator[None]:
    """Ignore warnings inside the block where ``python -W error`` makes them errors.

    Some libraries warn about themselves, even on import. The task runs in its own processes, where
    such warnings stay errors.
    """
    with warnings.catch_warnings():
        if any(action == "error" for action, *_ in warnings.filters):
            warnings.simplefilter("ignore")
        yield


@contextmanager
def standard_error_shut() -> Iterator[None]:
    """Send descriptor 2 to the null device inside the block.

    TensorFlow writes lines there when it starts, before it reads any log level.
    """
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
    """Print CSV, JSON or a log unchanged; on a terminal, with control characters escaped."""
    if sys.stdout.isatty():
        text = "\n".join(map(printable, text.split("\n")))
    print(text, end="")


def complain(error: UserError) -> int:
    """Print a user's mistake in Besom's usual form, and return its exit code."""
    if isinstance(error, CodeError):
        say(error.traceback)
    say(f"besom: {error}")
    return error.exit_code


def stopped(and_then: str = "") -> int:
    """Print that Ctrl-C has ended a command, and return the exit code that shells use for it."""
    say(f"besom: stopped by Ctrl-C{and_then}")
    return STOPPED


def say(text: str) -> None:
    """Print a line on standard error, if it can be written."""
    if sys.stderr is None:  # closed
        return
    try:
        # In one write: otherwise another thread's line could come before this line's end.
        print(f"{text}\n", end="", file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def open_closed() -> None:
    """Open the null device in place of each standard stream that is closed.

    Otherwise the next opened file, such as a database, would get its number, and child processes
    would take that file for the stream.
    """
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        try:
            os.fstat(number)
        except OSError:
            lowest = os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            os.set_inheritable(lowest, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  it stays


def _replace_unknown_characters() -> None:
    """Have ``?`` printed for each character that a stream's encoding lacks, such as a table's rule.

    UTF-8 lacks none. What it refuses, parts of file names, its own handler may print.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and lookup(stream.encoding).name != "utf-8":
            stream.reconfigure(errors="replace")


def _drop(stream: TextIO) -> None:
    """Send a stream's further output, and what it still holds, to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _MaybeUnread:
    """Standard output that may fail; ``lost_for`` is the error number of the first lost output."""

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
