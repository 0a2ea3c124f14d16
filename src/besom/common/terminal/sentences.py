"""Formats sentences for a terminal."""

import os
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def print_sentences(sentences: Iterable[str], console: "Console") -> None:
    """Each in a line; a terminal would break them in the middle of a word, so here between two."""
    for sentence in sentences:
        is_whole = not console.is_terminal
        console.print(sentence, markup=False, highlight=False, soft_wrap=is_whole)


def wrapped(sentence: str, file: TextIO) -> str:
    """In lines that end between words, as long as those of a terminal; one line for a file."""
    if not file.isatty():
        return sentence
    width = os.get_terminal_size(file.fileno()).columns
    return textwrap.fill(sentence, width or 80, break_long_words=False, break_on_hyphens=False)
