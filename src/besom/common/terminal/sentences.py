"""Formats sentences for a terminal."""

import os
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def print_sentences(sentences: Iterable[str], console: "Console") -> None:
    """Print each sentence on its own line; on a terminal, break long ones between words."""
    for sentence in sentences:
        is_whole = not console.is_terminal
        console.print(sentence, markup=False, highlight=False, soft_wrap=is_whole)


def wrapped(sentence: str, file: TextIO) -> str:
    """Return a sentence in lines of the terminal's width, broken between words; one for a file."""
    if not file.isatty():
        return sentence
    width = os.get_terminal_size(file.fileno()).columns
    return textwrap.fill(sentence, width or 80, break_long_words=False, break_on_hyphens=False)
