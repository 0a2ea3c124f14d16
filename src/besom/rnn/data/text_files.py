"""Opens the user's own texts and classes, from a table on disk: see :mod:`besom.rnn.data.tables`.

The test part is ``data.test_path``; without it, it is the tail of the rows' stratified order
(:mod:`besom.rnn.data.order`), with the share ``data.test_split``. Of the other rows the tail, with
the share ``training.validation_split``, is the validation part, and the rest the training part. The
vocabulary and the order of its words come from the training part alone.

:func:`besom.rnn.text_classifier.words` defines a word; :mod:`besom.rnn.data.encoding` turns words
into tokens.

The first call for a file reads it and writes a cache; later calls map the cache into memory.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from besom.common.errors import DataError
from besom.common.files import cache_folder
from besom.common.suggest import listed
from besom.common.text import printable, shorten
from besom.rnn.config import TextFilesData
from besom.rnn.data import cache
from besom.rnn.data.corpus import INDEX_FROM, Corpus, WordIndex, training_size
from besom.rnn.data.digests import Stamp, content_digest, known_digest, stamp_of
from besom.rnn.data.encoding import Encoded, encode, offsets_of, rank, write_tokens
from besom.rnn.data.facts import Facts, remarks, shown
from besom.rnn.data.formats import Columns
from besom.rnn.data.order import stratified_order
from besom.rnn.data.paths import read_by
from besom.rnn.data.tables import find, read_rows

VERSION = 1
"""To be raised when the same file gives other tokens, or another order: earlier caches are then not
used, and earlier studies count as studies of other data."""
LAYOUT = 2
"""To be raised when a cache holds other facts than before."""
WORDS, FACTS = "words.json", "facts.json"
NAMES = cache.NAMES | {WORDS, FACTS}
SLOW = 1 << 26
"""The size in bytes from which a file takes so long to read that this is logged first."""
MOST_CLASSES = 1000
WHOLE = re.compile(r"([+-]?\d+)\.0*")
"""A number with a point and no fraction; the group is the part before the point."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """The options that turn a file into tokens: see :class:`besom.rnn.config.TextFilesData`."""

    text: str
    label: str
    test_split: float
    validation_split: float
    seed: int


def open_text_files(data: TextFilesData, validation_split: float) -> Corpus:
    """Open the corpus from ``data.path``, and ``data.test_path`` where it is given.

    Raises:
        DataError: a file does not exist, or does not hold texts of two classes or more.
    """
    files = [find(str(data.path), "data.path")]
    if data.test_path is not None:
        files.append(find(data.test_path, "data.test_path"))
    reading = Reading(data.text, data.label, data.test_split, validation_split, data.seed)
    stamps = tuple(read_by(stamp_of, file) for file in files)
    return _open(stamps, reading, data.name, cache_folder() / "text_files")


@lru_cache(maxsize=4)
def _open(stamps: Sequence[Stamp], reading: Reading, name: str, folder: Path) -> Corpus:
    """Open files, cached by their stamps so that a replaced file is read again."""
    files = [Path(stamp[0]) for stamp in stamps]
    digests = [read_by(partial(known_digest, folder=folder / "digests"), file) for file in files]
    digest = digests[0] if len(files) == 1 else _sha256(digests)
    kept = folder / _sha256([VERSION, LAYOUT, digest, asdict(reading)])
    cache.open_or_write(kept, partial(_build, files, digests, reading), NAMES)
    train, test = cache.read(kept)
    n_trained = training_size(len(train), reading.validation_split)
    facts = Facts(**json.loads((kept / FACTS).read_text(encoding="utf-8")))
    return Corpus(
        name,
        digest,
        tuple(facts.classes),
        train,
        test,
        vocab_size=facts.n_words + INDEX_FROM + 1,
        word_index=partial(_word_index, kept),
        source=str(files[0]),
        remarks=tuple(remarks(facts, reading.label, n_trained, len(train) - n_trained, len(test))),
        version=VERSION,
    )


def _sha256(what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _word_index(folder: Path) -> WordIndex:
    ranked = json.loads((folder / WORDS).read_text(encoding="utf-8"))
    return {word: rank for rank, word in enumerate(ranked, start=1)}


def _build(files: Sequence[Path], digests: Sequence[str], reading: Reading, draft: Path) -> None:
    """Write the cache's files into ``draft``."""
    if read_by(stamp_of, files[0])[1] > SLOW:
        log.warning("%s is read once, which takes a while; then it is in the cache", files[0])
    n_rows: list[int] = []
    scratch = draft / "scratch"
    encoded = encode(_rows(files, Columns(reading.text, reading.label), n_rows), scratch)
    for file, digest in zip(files, digests, strict=True):
        if digest != read_by(content_digest, file):
            raise DataError(f"`{file}` has changed while it was read; give the command again")
    classes, labels = _classes(files, reading, encoded, n_rows)
    train, test = _parts(labels, n_rows, reading)
    trained, validated = np.split(train, [training_size(len(train), reading.validation_split)])
    ranked = rank(encoded, trained)
    _refuse_numbers(files[0], reading.text, encoded, ranked)
    for split, rows in zip(cache.SPLITS, (train, test), strict=True):
        write_tokens(encoded, rows, ranked, draft / f"{split}-tokens.npy")
        np.save(draft / f"{split}-offsets.npy", offsets_of(encoded, rows))
        np.save(draft / f"{split}-labels.npy", labels[rows])
    scratch.unlink()
    seen = _is_in(encoded, test, trained)
    facts = Facts(
        classes,
        n_words=len(ranked),
        n_tested_trained=int(seen.sum()),
        n_tested_validated=int((_is_in(encoded, test, validated) & ~seen).sum()),
        n_validated_trained=int(_is_in(encoded, validated, trained).sum()),
        n_without_words=int((np.diff(encoded.offsets) == 1).sum()),
    )
    known = [encoded.words[place] for place in ranked]
    (draft / WORDS).write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
    (draft / FACTS).write_text(json.dumps(asdict(facts), ensure_ascii=False), encoding="utf-8")


def _is_in(
    encoded: Encoded, rows: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return for each of ``rows`` whether one of ``others`` has the same text."""
    return np.isin(encoded.hashes[rows], encoded.hashes[others])


def _rows(files: Sequence[Path], columns: Columns, n_rows: list[int]) -> Iterator[tuple[str, str]]:
    """Yield the rows of all files; append each file's number of rows to ``n_rows``."""
    for file in files:
        number = 0
        for row in read_rows(file, columns):
            yield row
            number += 1
        if not number:
            raise DataError(f"`{file}` holds no rows; give a file with a text and a label in each")
        n_rows.append(number)


def _classes(
    files: Sequence[Path], reading: Reading, encoded: Encoded, n_rows: Sequence[int]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the classes in order, numbers by size, and each row's index among them."""
    file, column = files[0], reading.label
    names, labels = _names_and_labels(encoded)
    counts = np.bincount(labels[: n_rows[0]], minlength=len(names)).tolist()
    known = [name for name, count in zip(names, counts, strict=True) if count]
    _refuse_fractions(file, column, known)
    if len(known) == 1:
        raise DataError(
            f"`{file}`: every row has the label {shown(known[0])} in `{column}`; give texts of "
            "two classes or more"
        )
    alone = [name for name, count in zip(names, counts, strict=True) if count == 1]
    if alone:
        others = f", and so have {len(alone) - 1} more" if len(alone) > 1 else ""
        raise DataError(
            f"`{file}`: the class {shown(alone[0])} of `{column}` has one row{others}; give "
            "each two or more, to learn from and to judge by"
        )
    if len(known) > MOST_CLASSES:
        raise DataError(
            f"`{file}`: `{column}` holds {len(known)} classes, above {MOST_CLASSES}; name the "
            "column of classes with data.label"
        )
    if new := [name for name, count in zip(names, counts, strict=True) if not count]:
        raise DataError(
            f"`{files[-1]}`: the label {shown(new[0])} of `{column}` is none of {file}'s "
            f"({shorten(listed(map(printable, known)), 200)}); mend it, or leave its rows out"
        )
    classes = sorted(known, key=_size_or_text if all(map(_is_number, known)) else None)
    places = {name: place for place, name in enumerate(classes)}
    of_name = np.array([places[name] for name in names], np.int64)
    return tuple(classes), of_name[labels]


def _names_and_labels(encoded: Encoded) -> tuple[list[str], NDArray[np.int64]]:
    """Return the labels' names, and each row's index among them.

    Where all labels are numbers, ``1.0`` becomes ``1``, as in a format that has numbers.
    """
    found = encoded.names
    if all(map(_is_number, found)):
        found = [_whole(name) for name in found]
    places = {name: place for place, name in enumerate(dict.fromkeys(found))}
    return [*places], np.array([places[name] for name in found], np.int64)[encoded.labels]


def _whole(number: str) -> str:
    """Return ``1`` for ``1.0``."""
    found = WHOLE.fullmatch(number)
    return found[1] if found else number


def _size_or_text(name: str) -> tuple[float, str]:
    return float(name), name


def _refuse_fractions(file: Path, column: str, names: Sequence[str]) -> None:
    """Refuse labels that are numbers with fractions: these are measurements, not classes."""
    fractions = [name for name in names if _is_number(name) and not float(name).is_integer()]
    if fractions and all(map(_is_number, names)):
        raise DataError(
            f"`{file}`: `{column}` holds numbers with fractions ({shown(fractions[0])}), which "
            "are no classes; name another column with data.label, or make classes of them"
        )


def _is_number(name: str) -> bool:
    try:
        return bool(np.isfinite(float(name)))
    except ValueError:
        return False


def _refuse_numbers(file: Path, column: str, encoded: Encoded, ranked: Sequence[int]) -> None:
    """Refuse texts without letters: a column of numbers was named by mistake."""
    if not any(any(map(str.isalpha, encoded.words[place])) for place in ranked):
        raise DataError(
            f"`{file}`: no text of `{column}` holds a word with a letter; name the column of "
            "texts with data.text"
        )


def _parts(
    labels: NDArray[np.int64], n_rows: Sequence[int], reading: Reading
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to train and validate on, and the rows of the test part."""
    order = stratified_order(labels[: n_rows[0]], reading.seed)
    if len(n_rows) > 1:
        return order, np.arange(n_rows[0], sum(n_rows))
    kept = training_size(len(order), reading.test_split)
    if kept == len(order) or not training_size(kept, reading.validation_split):
        raise DataError(
            f"`data.test_split={reading.test_split}` and `training.validation_split="
            f"{reading.validation_split}` leave none of {len(order)} rows to train or to test on; "
            "give more rows, or other shares"
        )
    return order[:kept], order[kept:]
