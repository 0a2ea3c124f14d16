"""Between tokens and text."""

import json
import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path

from besom.rnn.data.corpus import (
    INDEX_FROM,
    LARGEST_RANK,
    PADDING,
    START,
    UNKNOWN,
    WordIndex,
)

FILE = "imdb_word_index.json"

log = logging.getLogger(__name__)


def keras_folder() -> Path:
    """Where Keras keeps the data sets that it downloads."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def read_index(source: Path) -> WordIndex:
    """Keras' word index, beside ``source`` or in Keras' folder; empty when it is in neither.

    One that is damaged is as good as none.
    """
    for file in (source.parent / FILE, keras_folder() / FILE):
        try:
            index = json.loads(file.read_text(encoding="utf-8"))
        except OSError:
            continue
        except (ValueError, RecursionError):
            index = None
        if _is_index(index):
            return dict(index)
        log.warning("%s is not Keras' word index, and is not used", file)
    return {}


def _is_index(index: object) -> bool:
    """Whether it gives each word a rank, from 1, that a token can stand for."""
    if not isinstance(index, dict) or not set(map(type, index.values())) <= {int}:
        return False
    return not index or (min(index.values()) >= 1 and max(index.values()) <= LARGEST_RANK)


def decode(tokens: Iterable[int], index: WordIndex) -> str:
    """Text of one review; padding and start show nothing, unknown words a question mark."""
    by_token = {rank + INDEX_FROM: word for word, rank in index.items()}
    shown = (token for token in tokens if token not in (PADDING, START))
    return " ".join(by_token.get(int(token), "?") for token in shown)


def encode(text: str, index: WordIndex) -> list[int]:
    """Tokens of a text: a start token, then one for each word, in small letters."""
    ranks = (index.get(word) for word in re.findall(r"[\w']+", text.lower()))
    return [START, *(UNKNOWN if rank is None else rank + INDEX_FROM for rank in ranks)]
