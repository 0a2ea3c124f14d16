"""Whether a pickle asks for more memory than its own length can be worth.

Unpickling reserves what a pickle names: eight bytes for each number up to the highest place in its
memo, of which five bytes suffice to name the four-thousand-millionth; and whatever length a text or
a number is said to have. So these are looked at first.
"""

import re
from pickletools import (
    TAKEN_FROM_ARGUMENT1,
    TAKEN_FROM_ARGUMENT4,
    TAKEN_FROM_ARGUMENT4U,
    TAKEN_FROM_ARGUMENT8U,
    UP_TO_NEWLINE,
    opcodes,
)

# Reviews are nearly all of this: whole numbers, and where lists begin and end.
_NUMBERS = re.compile(rb"(?:K.|M..|J....|[\](ae])*+", re.DOTALL)

_LENGTH_BYTES = {
    TAKEN_FROM_ARGUMENT1: 1,
    TAKEN_FROM_ARGUMENT4: 4,
    TAKEN_FROM_ARGUMENT4U: 4,
    TAKEN_FROM_ARGUMENT8U: 8,
}
_OPERATIONS = {ord(operation.code): operation for operation in opcodes}

_MEMO_PLACES = {ord("q"): 1, ord("r"): 4}
"""The operations that name a place in the memo, and the bytes of its number."""


def check(pickled: bytes) -> None:
    """Refuse a pickle that reserves more than one place or byte for each byte of itself.

    Raises:
        ValueError: it does, or it is no pickle of numbers, texts and lists.
    """
    at, end = 0, len(pickled)
    while True:
        match = _NUMBERS.match(pickled, at)
        assert match
        at = match.end()
        if at >= end:
            raise ValueError("the pickle breaks off")
        code, at = pickled[at], at + 1
        if code == ord("."):
            return
        if code in _MEMO_PLACES:
            place = int.from_bytes(pickled[at : at + _MEMO_PLACES[code]], "little")
            if place > end:
                raise ValueError(f"a pickle of {end:,} bytes asks for memory for {place:,} objects")
        at += _size(code, pickled, at)


def _size(code: int, pickled: bytes, at: int) -> int:
    """The bytes of an operation's argument, which begins at ``at``."""
    operation = _OPERATIONS.get(code)
    if operation is None:
        raise ValueError(f"the pickle has an operation {code} that there is not")
    if operation.name == "PUT":
        raise ValueError("the pickle names its objects in text, as none of NumPy's does")
    if operation.arg is None:
        return 0
    size = operation.arg.n
    if size == UP_TO_NEWLINE:
        lines = 2 if operation.name in ("GLOBAL", "INST") else 1
        return _to_newline(lines, pickled, at)
    if size in _LENGTH_BYTES:
        prefix = _LENGTH_BYTES[size]
        length = int.from_bytes(pickled[at : at + prefix], "little")
        if at + prefix + length > len(pickled):
            raise ValueError(f"the pickle holds no {length:,} bytes where it says so")
        return prefix + length
    return size


def _to_newline(lines: int, pickled: bytes, at: int) -> int:
    found = at
    for _ in range(lines):
        found = pickled.find(b"\n", found) + 1
        if not found:
            raise ValueError("the pickle breaks off")
    return found - at
