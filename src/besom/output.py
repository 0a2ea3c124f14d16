"""Standard output whose reader may go away, as ``| head`` does."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO, cast


@contextmanager
def read_or_not() -> Iterator[None]:
    """What is printed inside is dropped once nobody reads it: no work ends for that."""
    with redirect_stdout(cast(TextIO, _MaybeUnread(sys.stdout))):
        try:
            yield
        finally:
            sys.stdout.flush()  # the interpreter would complain of what is left


class _MaybeUnread:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._leave()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
