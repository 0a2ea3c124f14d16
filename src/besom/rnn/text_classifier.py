"""Classifies texts: from a text to the probabilities of its classes.

This file is part of every registered model, as the module with which MLflow loads it. So a served
model needs no Besom, and this file imports nothing of it. The token numbers below equal those of
``besom.rnn.data``; a test checks this.

:func:`words` defines what a word is, in training and in a served model.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras
    import pandas as pd

PADDING, START, UNKNOWN = 0, 1, 2
WORD = re.compile(r"[\w']+")
MODEL_FILE, READING_FILE = "model.keras", "reading.json"
SHOWN = 40
"""The number of characters of a text that a message quotes."""

Review = str | Sequence[int] | NDArray[np.integer[Any]]
"""A text, or its tokens."""


class _WordParts(dict[int, int]):
    """Maps the code of a character to itself where words may contain it, else to a space."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        is_part = _is_mark(character) or WORD.fullmatch(character) is not None
        self[code] = code if is_part else ord(" ")
        return self[code]


def _is_mark(character: str) -> bool:
    """Return whether a character is a mark of the letter before it, which ``re`` does not know."""
    return unicodedata.category(character).startswith("M")


_PARTS = _WordParts()


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters, digits, marks, underscores and apostrophes.

    Letters are those of any script in Unicode. Words are lower case and composed (NFC), with ``'``
    for ``’``. Scripts without spaces, such as Chinese, are not segmented.

    Examples:
        >>> words("It wasn’t DULL: 8/10, naïve.")
        ['it', "wasn't", 'dull', '8', '10', 'naïve']
    """
    composed = unicodedata.normalize("NFC", text.lower()).replace("’", "'")
    if composed.isascii() or not any(map(_is_mark, set(composed))):
        return WORD.findall(composed)
    return composed.translate(_PARTS).split()


class ReviewError(ValueError):
    """The input is not a review that the model can read."""


class TextClassifier:
    """A trained network, and how it reads texts.

    Args:
        model: int32 [n, max_length] -> float32 [n, n_classes], or [n, 1] for two classes.
        words: the token of each known word; all others are read as unknown.
        vocab_size: tokens from this number on are read as unknown.
        max_length: longer reviews lose their beginning, shorter ones are padded there.
        classes: the names of the classes; None for film reviews, which are negative or positive.
        column: the name of the texts' column in tables.
    """

    def __init__(
        self,
        model: "keras.Model",
        words: Mapping[str, int],
        vocab_size: int,
        max_length: int,
        classes: Sequence[str] | None = None,
        column: str = "text",
    ) -> None:
        self._model = model
        self._words = words
        self._vocab_size = vocab_size
        self._max_length = max_length
        self.classes = classes
        self._column = column

    def predict(
        self, model_input: "pd.DataFrame", params: Mapping[str, Any] | None = None
    ) -> "NDArray[np.float32] | pd.DataFrame":
        """Answer rows with a text or with ``tokens``; MLflow calls this.

        Returns:
            The rows of :meth:`answers`; for film reviews the probability of praise, float32 [n].

        Raises:
            MlflowException: a row has neither or both, text under ``tokens``, something else as its
                text, or what :meth:`read` refuses. A server answers 400 with the message.
        """
        try:
            return self._answer(list(_reviews(model_input, self._column)))
        except ReviewError as error:
            from mlflow.exceptions import MlflowException

            raise MlflowException.invalid_parameter_value(str(error)) from error

    def _answer(self, reviews: Sequence[Review]) -> "NDArray[np.float32] | pd.DataFrame":
        if self.classes is None:
            return self.probabilities(reviews)[:, 1]
        import pandas as pd

        return pd.DataFrame(self.answers(reviews, self.classes))

    def answers(self, reviews: Sequence[Review], classes: Sequence[str]) -> list[dict[str, Any]]:
        """Return for each review the likeliest class as ``label``, its ``probability``, and the
        ``probabilities`` of all classes by name.

        Raises:
            ReviewError: see :meth:`read`.
        """
        return [
            {
                "label": classes[row.argmax()],
                "probability": float(row.max()),
                "probabilities": dict(zip(classes, row.tolist(), strict=True)),
            }
            for row in self.probabilities(reviews)
        ]

    def probabilities(self, reviews: Sequence[Review]) -> NDArray[np.float32]:
        """Return the probability of each class for each text, float32 [n, n_classes].

        Raises:
            ReviewError: see :meth:`read`.
        """
        return class_probabilities(self._model.predict(self.read(reviews), verbose=0))

    def read(self, reviews: Sequence[Review]) -> NDArray[np.int32]:
        """Return the network's input: tokens, int32 [n, max_length], padded with 0 at the front.

        Raises:
            ReviewError: there are no reviews, a text holds no word or no known one, or a token is
                not a whole number from 0.
        """
        if not len(reviews):
            raise ReviewError(
                f"no text was given; give at least one `{self._column}`, or its `tokens`"
            )
        tokens = np.full((len(reviews), self._max_length), PADDING, np.int32)
        for number, (row, review) in enumerate(zip(tokens, reviews, strict=True), start=1):
            name = f"text {number}"
            if isinstance(review, str):
                known = self._encode(name, review)
            else:
                known = self._check(name, review)
            kept = known[-self._max_length :]
            row[self._max_length - len(kept) :] = kept
        return tokens

    def _encode(self, name: str, text: str) -> list[int]:
        """Return a start token, then the token of each word."""
        found = words(text)
        shown = f"{name} (`{_short(text)}`)"
        if not found:
            raise ReviewError(f"{shown} holds no word; give some")
        if not self._words:
            raise ReviewError(
                f"{shown}: this model was packed where its words were not at hand; "
                "give `tokens`, or pack it with imdb_word_index.json beside imdb.npz"
            )
        tokens = [self._words.get(word, UNKNOWN) for word in found]
        if set(tokens) == {UNKNOWN}:
            raise ReviewError(
                f"{shown} holds none of the {len(self._words)} words that the model knows; give "
                "one in the language of its training"
            )
        return [START, *tokens]

    def _check(self, name: str, tokens: Iterable[Any]) -> list[int]:
        """Check tokens and return them; those outside the vocabulary become unknown."""
        known = []
        for token in tokens:
            if not isinstance(token, int | np.integer) or token < 0:
                raise ReviewError(f"{name} has the token `{token!r}`; give whole numbers from 0")
            known.append(int(token) if token < self._vocab_size else UNKNOWN)
        if not known:
            raise ReviewError(f"{name} has no tokens; give one for each word")
        return known


def class_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of each class, float32 [n, n_classes]; a network with two classes
    outputs only that of the second, float32 [n, 1]."""
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def save(
    folder: Path,
    model_file: Path,
    words: Mapping[str, int],
    vocab_size: int,
    max_length: int,
    classes: Sequence[str] | None = None,
    column: str = "text",
    modules: Sequence[str] = (),
) -> None:
    """Write the files that :func:`load` reads, without words of tokens from ``vocab_size`` on.

    Args:
        modules: modules that on import register the network's own layers with Keras.
    """
    known = {word: token for word, token in words.items() if token < vocab_size}
    reading = {"vocab_size": vocab_size, "max_length": max_length, "words": known}
    if modules:
        reading["modules"] = [*modules]
    if classes is not None:
        reading |= {"classes": list(classes), "column": column}
    text = json.dumps(reading, ensure_ascii=False)
    (folder / READING_FILE).write_text(text, encoding="utf-8")
    copyfile(model_file, folder / MODEL_FILE)


def load(folder: Path) -> TextClassifier:
    """Load the classifier that :func:`save` has written."""
    import keras

    reading = json.loads((folder / READING_FILE).read_text(encoding="utf-8"))
    for name in reading.pop("modules", ()):
        import_module(name)
    model = keras.models.load_model(folder / MODEL_FILE, compile=False, safe_mode=True)
    return TextClassifier(model, **reading)


def _load_pyfunc(path: str) -> TextClassifier:
    """Load the classifier; MLflow calls this."""
    return load(Path(path))


def _reviews(table: "pd.DataFrame", column: str) -> Iterator[Review]:
    """Yield the reviews of a table: one for each row, or several where a row holds a list of texts.

    MLflow turns ``{"text": ["one", "another"]}`` into a single row with a list.
    """
    for number, row in enumerate(table.to_dict("records"), start=1):
        given = [row[name] for name in (column, "tokens") if _is_there(row.get(name))]
        if len(given) != 1:
            no = f"no `{column}` and no list of `tokens`"
            found = f"both a `{column}` and `tokens`" if given else no
            raise ReviewError(f"row {number} has {found}; give one of them")
        if isinstance(row.get("tokens"), str):
            raise ReviewError(f"row {number} has text as its `tokens`; give it as its `{column}`")
        if _is_there(row.get(column)) and not isinstance(given[0], str):
            yield from _texts(number, given[0])
        else:
            yield given[0]


def _texts(number: int, cell: Iterable[Any]) -> Iterator[str]:
    """Yield the texts of a row that holds a list of texts."""
    for text in cell:
        if not isinstance(text, str):
            raise ReviewError(f"row {number} has `{text!r}` among its texts; give texts alone")
        yield text


def _is_there(cell: Any) -> bool:
    """Return whether a cell has a value: tables fill missing cells with None or NaN."""
    return isinstance(cell, str | list | tuple | np.ndarray)


def _short(text: str) -> str:
    """Return the beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
