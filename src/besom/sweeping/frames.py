"""What workers say, on a pipe: each message whole or not at all, and no reader is waited for.

``Connection.recv`` waits for the rest of a message once it has begun. A worker that is stopped in
the middle of one would hold up the supervisor, and all others with it.
"""

import os
import pickle
import struct
from multiprocessing.connection import Connection

from besom.sweeping.protocol import FromWorker

# A sign, and the bytes of the content, which follows.
HEADER = struct.Struct("!8sQ")
SIGN = b"besom\0\r\n"
CHUNK = 1 << 16


def write(descriptor: int, message: FromWorker) -> None:
    """Write a message, and wait while the pipe is full."""
    content = pickle.dumps(message)
    rest = memoryview(HEADER.pack(SIGN, len(content)) + content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class Inbox:
    """The reading end: takes what has come, and tells messages that are complete.

    Attributes:
        ended: whether nothing more can come.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._content = bytearray()
        self._is_unreadable = False
        self.ended = False

    @property
    def spoiled(self) -> bool:
        """Whether something else than messages has come; nothing more is taken then."""
        return self._is_unreadable or not SIGN.startswith(self._content[: len(SIGN)])

    @property
    def has_message(self) -> bool:
        """Whether a message is complete."""
        if self.spoiled or len(self._content) < HEADER.size:
            return False
        return len(self._content) >= self._end()

    def fill(self) -> bool:
        """Take a chunk of what has come, if anything has; returns whether it had. Never waits."""
        if self.ended or self.spoiled or not self._connection.poll():
            return False
        try:
            chunk = os.read(self._connection.fileno(), CHUNK)
        except ConnectionResetError:
            chunk = b""
        self.ended = not chunk
        self._content += chunk
        return not self.ended

    def take(self) -> FromWorker | None:
        """The oldest complete message, if there is one."""
        if not self.has_message:
            return None
        end = self._end()
        try:
            message = pickle.loads(self._content[HEADER.size : end])
        except Exception:  # whatever a pickle that is none raises
            message = None
        if not isinstance(message, FromWorker):
            self._is_unreadable = True
            return None
        del self._content[:end]
        return message

    def _end(self) -> int:
        """Where the oldest message ends; its header must have come."""
        _, length = HEADER.unpack_from(self._content)
        return HEADER.size + int(length)
