"""Between tokens and text."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from besom.rnn.data.corpus import INDEX_FROM, PADDING, START, UNKNOWN, WordIndex

FILE = "imdb_word_index.json"


def keras_folder() -> Path:
    """Where Keras keeps the data sets that it downloads."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def read_index(source: Path) -> WordIndex:
    """Keras' word index, beside ``source`` or in Keras' folder; empty when it is in neither."""
    for folder in (source.parent, keras_folder()):
        try:
            index = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(index, dict) and set(map(type, index.values())) <= {int}:
            return index
    return {}


def decode(tokens: Iterable[int], index: WordIndex) -> str:
    """Text of one review; padding and start show nothing, unknown words a question mark."""
    by_token = {rank + INDEX_FROM: word for word, rank in index.items()}
    shown = (token for token in tokens if token not in (PADDING, START))
    return " ".join(by_token.get(int(token), "?") for token in shown)


def encode(text: str, index: WordIndex) -> list[int]:
    """Tokens of a text: a start token, then one for each word, in small letters."""
    ranks = (index.get(word) for word in re.findall(r"[\w']+", text.lower()))
    return [START, *(UNKNOWN if rank is None else rank + INDEX_FROM for rank in ranks)]
