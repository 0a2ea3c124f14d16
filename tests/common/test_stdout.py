"""Printing characters that the encoding of stdout lacks."""

import sys
from io import BytesIO, TextIOWrapper

import pytest

from besom.common.stdout import read_or_not


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("latin-1", b"? \xe9\n"), ("ascii", b"? ?\n"), ("utf-8", "─ é\n".encode())],
)
def test_a_character_that_an_encoding_lacks_costs_only_itself(
    encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding=encoding))
    with read_or_not():
        print("─ é")
    assert written.getvalue() == shown
