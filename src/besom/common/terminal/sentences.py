"""Sentences on a terminal."""

from collections.abc import Iterable

from rich.console import Console


def print_sentences(sentences: Iterable[str], console: Console) -> None:
    """Each in a line; a terminal would break them in the middle of a word, so here between two."""
    for sentence in sentences:
        is_whole = not console.is_terminal
        console.print(sentence, markup=False, highlight=False, soft_wrap=is_whole)
