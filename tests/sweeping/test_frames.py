"""What a worker's pipe may carry: messages, and rubbish that ends only this worker."""

import os
import pickle
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from besom.sweeping import frames
from besom.sweeping.frames import HEADER, SIGN, Inbox
from besom.sweeping.protocol import Ready


@pytest.fixture
def pipe() -> Iterator[tuple[Inbox, Connection]]:
    ours, theirs = Pipe()
    yield Inbox(ours), theirs
    ours.close()
    theirs.close()


def framed(value: object) -> bytes:
    content = pickle.dumps(value)
    return HEADER.pack(SIGN, len(content)) + content


@pytest.mark.parametrize(
    "rubbish",
    [b"hi\n", b"x" * 100, framed("no message"), HEADER.pack(SIGN, 3) + b"abc", b"\0" * 50],
)
def test_messages_before_rubbish_are_read_and_no_more(
    pipe: tuple[Inbox, Connection], rubbish: bytes
) -> None:
    inbox, theirs = pipe
    frames.write(theirs.fileno(), Ready())
    os.write(theirs.fileno(), rubbish)
    frames.write(theirs.fileno(), Ready())
    assert inbox.fill() and inbox.take() == Ready()
    assert inbox.take() is None and inbox.spoiled
    assert not inbox.has_message and not inbox.fill()


def test_a_message_in_parts_is_no_rubbish(pipe: tuple[Inbox, Connection]) -> None:
    inbox, theirs = pipe
    for byte in framed(Ready()):
        assert inbox.take() is None and not inbox.spoiled
        os.write(theirs.fileno(), bytes([byte]))
        inbox.fill()
    assert inbox.take() == Ready() and not inbox.spoiled
