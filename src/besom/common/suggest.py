"""Finds the known word nearest to an unknown one, for error messages."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

ALIKE = 0.6
"""From 0, nothing in common, to 1, equal; the threshold that difflib itself takes."""
MISTYPED = 0.8
"""The same for ids: any two of random digits are half alike."""


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, or none that is like it.

    Dotted keys are compared part by part, so that a shared ``model.`` makes no two keys alike. A
    key is also found by its last part alone, where only one has it: ``units``, ``model.units``.
    """
    words = list(known)
    same_end = [key for key in words if _last(key) == _last(word)]
    if len(same_end) == 1:
        return same_end[0]
    best = max(words, key=lambda key: _likeness(word, key), default="")
    return best if _likeness(word, best) >= ALIKE else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The second half of a message: the nearest word, or ``otherwise`` when none is near."""
    found = suggestion(word, known)
    return f"did you mean `{found}`?" if found else otherwise


def suggested_ids(word: str, known: Iterable[str]) -> list[str]:
    """The known ids that begin with ``word``; where none does, the one with a few other digits."""
    ids = list(known)
    begun = [one for one in ids if one.startswith(word)]
    return begun or get_close_matches(word, ids, n=1, cutoff=MISTYPED)


def is_mistyped(word: str, known: Iterable[str]) -> bool:
    """Whether it is none of ``known``, and yet so like one that it is not another's word."""
    names = list(known)
    words = [one.casefold() for one in names]
    # Two letters that have changed places make a short word as unlike as another word is.
    swapped = sorted(word.casefold()) in [sorted(one) for one in words]
    alike = swapped or get_close_matches(word.casefold(), words, cutoff=MISTYPED)
    return bool(alike) and word not in names


def listed(words: Iterable[str]) -> str:
    """The words in order, to be read: ``gru, simple_rnn``; ``none`` when there are none."""
    return ", ".join(sorted(words)) or "none"


def _likeness(word: str, other: str) -> float:
    parts, others = word.casefold().split("."), other.casefold().split(".")
    if len(parts) != len(others):
        return 0.0
    pairs = zip(parts, others, strict=True)
    return min(SequenceMatcher(None, part, known).ratio() for part, known in pairs)


def _last(key: str) -> str:
    return key.rpartition(".")[2]
