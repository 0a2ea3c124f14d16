"""Finds the known word nearest to an unknown one, for error messages."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

ALIKE = 0.6
"""The least likeness of a suggestion, from 0 (nothing in common) to 1 (equal); difflib's own."""
MISTYPED = 0.8
"""The same for ids: two ids of random digits are half alike by chance."""


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``; None where none is like it.

    Dotted keys are compared part by part, so that a shared ``model.`` does not make two keys alike.
    A key is also found by its last part, where only one has it: ``units`` finds ``model.units``.
    """
    words = list(known)
    same_end = [key for key in words if _last(key) == _last(word)]
    if len(same_end) == 1:
        return same_end[0]
    best = max(words, key=lambda key: _likeness(word, key), default="")
    return best if _likeness(word, best) >= ALIKE else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a message's second half: the nearest word, or ``otherwise`` where none is near."""
    found = suggestion(word, known)
    return f"did you mean `{found}`?" if found else otherwise


def suggested_ids(word: str, known: Iterable[str]) -> list[str]:
    """Return the known ids that begin with ``word``, or else the one that differs in few digits."""
    ids = list(known)
    begun = [one for one in ids if one.startswith(word)]
    return begun or get_close_matches(word, ids, n=1, cutoff=MISTYPED)


def is_mistyped(word: str, known: Iterable[str]) -> bool:
    """Return whether ``word`` is none of ``known``, but so like one that it must be meant."""
    names = list(known)
    words = [one.casefold() for one in names]
    # By likeness alone, a short word with two swapped letters would look like a different word.
    swapped = sorted(word.casefold()) in [sorted(one) for one in words]
    alike = swapped or get_close_matches(word.casefold(), words, cutoff=MISTYPED)
    return bool(alike) and word not in names


def listed(words: Iterable[str]) -> str:
    """Return the words as a sorted list to read: ``gru, simple_rnn``; ``none`` for no words."""
    return ", ".join(sorted(words)) or "none"


def _likeness(word: str, other: str) -> float:
    parts, others = word.casefold().split("."), other.casefold().split(".")
    if len(parts) != len(others):
        return 0.0
    pairs = zip(parts, others, strict=True)
    return min(SequenceMatcher(None, part, known).ratio() for part, known in pairs)


def _last(key: str) -> str:
    return key.rpartition(".")[2]
