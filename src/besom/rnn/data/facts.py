"""Describes a table of texts to the user, by statistics that are gathered while it is read."""

from collections.abc import Iterator
from dataclasses import dataclass

from besom.common.text import printable, shorten
from besom.rnn.data.corpus import Corpus, training_size

SHOWN = 60
"""The most characters of a label in a message."""
WIDTH, NAMES_WIDTH = 67, 16
"""The columns of the line that describes a corpus, and the least columns for its classes."""


@dataclass(frozen=True)
class Facts:
    """The statistics that are kept with the tokens.

    Attributes:
        n_tested_trained: texts of the test part that are also in the training part.
        n_tested_validated: those that are in the validation part, but not in the training part.
        n_validated_trained: texts of the validation part that are also in the training part.
        n_without_words: texts of all parts that hold no word.
    """

    classes: tuple[str, ...]
    n_words: int
    n_tested_trained: int
    n_tested_validated: int
    n_validated_trained: int
    n_without_words: int


def remarks(
    facts: Facts, column: str, n_trained: int, n_validated: int, n_tested: int
) -> Iterator[str]:
    """Yield remarks for the user on a table whose texts are split into three parts.

    Args:
        column: the name of the labels' column.
        n_trained, n_validated, n_tested: the number of texts of each part.
    """
    alike: dict[str, list[str]] = {}
    for name in facts.classes:
        alike.setdefault(" ".join(name.casefold().split()), []).append(shown(name))
    for names in (names for names in alike.values() if len(names) > 1):
        yield (
            f"the labels {' and '.join(names)} of `{column}` differ in case or spaces "
            "alone, and are classes of their own; make one of them, if they mean the same"
        )
    places = {"training": facts.n_tested_trained, "validation": facts.n_tested_validated}
    where = " and ".join(f"{n} in the {place} part" for place, n in places.items() if n)
    if where:
        yield (
            f"of the {n_tested} texts of the test part, {where} too; test metrics are too good by "
            "what is only remembered"
        )
    if facts.n_validated_trained:
        yield (
            f"of the {n_validated} texts of the validation part, {facts.n_validated_trained} in "
            "the training part too; validation metrics are too good by them"
        )
    if facts.n_without_words:
        yield f"texts without a word (emoji alone, say): {facts.n_without_words}; all look alike"


def describe(corpus: Corpus, validation_split: float) -> str:
    """Return the number of rows of each part, and the classes: one line, shortened.

    Examples:
        >>> describe(corpus, validation_split=0.2)
        'train 768, validation 192, test 240 rows; 3 classes: lob, Tadel, Frage'
    """
    n_trained = training_size(len(corpus.train), validation_split)
    parts = {
        "train": n_trained,
        "validation": len(corpus.train) - n_trained,
        "test": len(corpus.test),
    }
    rows = ", ".join(f"{name} {count:,}" for name, count in parts.items())
    said = f"{rows} rows; {corpus.n_classes} classes: "
    names = printable(", ".join(corpus.classes))
    return said + shorten(names, max(WIDTH - len(said), NAMES_WIDTH))


def shown(label: str) -> str:
    """Return a label as a message quotes it."""
    return f"`{shorten(printable(label), SHOWN)}`"
