"""Reads tables of texts and labels row by row: CSV, TSV, JSON lines, Parquet, each also gzipped.

Rows are counted from 1, without the header. Errors name the number of the row.
"""

import math
import os
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

from besom.common.errors import DataError
from besom.common.suggest import did_you_mean
from besom.common.text import shorten
from besom.rnn.data.formats import READERS, Columns, ending
from besom.rnn.data.paths import named_file


def read_rows(file: Path, columns: Columns) -> Iterator[tuple[str, str]]:
    """Yield each row's text and label, in the file's order. Reads a small part of it at a time.

    Labels are text: from CSV as written, from other formats as JSON writes them; spaces around them
    are removed. As in RFC 4180, a quote inside a quoted text is doubled.

    Raises:
        DataError: a column or a cell is missing, or has a wrong type; a line cannot be read, or
            has too many or too few fields.
    """
    try:
        rows = READERS[ending(file)](file, columns)
        for number, (text, label) in enumerate(rows, start=1):
            yield _text(file, columns.text, number, text), _label(file, columns, number, label)
    except (EOFError, zlib.error, BadGzipFile) as error:
        raise DataError(f"`{file}` is no whole gzip file: {error}; make it anew") from error
    except OSError as error:
        raise DataError(f"`{file}` cannot be read: {error.strerror or error}") from error


def find(path: str, key: str) -> Path:
    """Return the file that an option names.

    Raises:
        DataError: the file does not exist, or is of an unknown kind. The message suggests the
            nearest name in its folder.
    """
    if not path.strip():
        raise DataError(f"`{key}={path}` has no value; give a file: {key}=texts.csv, say")
    file = named_file(path)
    if os.path.isdir(file):  # Path.is_dir fails over a name that is too long, or a closed folder
        raise DataError(f"`{key}={path}` is a folder; name one file in it")
    if not os.path.isfile(file):
        folder = file.parent
        there = [name for name in _listed(folder) if ending(Path(name)) in READERS]
        wanted = ", ".join(READERS)
        raise DataError(
            f"`{key}={path}` is no file; "
            + did_you_mean(file.name, there, f"none of that name is in {folder}; read are {wanted}")
        )
    if ending(file) not in READERS:
        raise DataError(
            f"`{key}={path}` is of a kind that is not read; give {', '.join(READERS)}, or one of "
            "these with .gz" + (": a JSON object a line" if ending(file) == ".json" else "")
        )
    return file


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(file: Path, column: str, number: int, text: Any) -> str:
    if text is None or (isinstance(text, str) and not text.strip()):
        raise DataError(
            f"`{file}`: row {number} has no text in `{column}`; write one, or leave the row out"
        )
    if not isinstance(text, str):
        raise DataError(
            f"`{file}`: row {number} has {shorten(repr(text), 40)} in `{column}`, which is no "
            "text; name the column of texts with data.text"
        )
    return _decoded(file, column, number, text)


def _label(file: Path, columns: Columns, number: int, label: Any) -> str:
    if isinstance(label, bool):
        label = str(label).lower()
    elif isinstance(label, float):
        label = "" if math.isnan(label) else f"{label:.0f}" if label.is_integer() else f"{label!r}"
    elif label is None:
        label = ""
    elif isinstance(label, list | dict):
        raise DataError(
            f"`{file}`: row {number} has {shorten(repr(label), 40)} in `{columns.label}`, and each "
            "text has one class; give a text or a number"
        )
    name = str(label).strip()
    if not name:
        raise DataError(
            f"`{file}`: row {number} has no label in `{columns.label}`; write one, or leave the "
            "row out"
        )
    return _decoded(file, columns.label, number, name)


def _decoded(file: Path, column: str, number: int, text: str) -> str:
    """Refuse text with lone surrogates: from bytes that are not UTF-8, or from JSON."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            what = f"byte 0x{code - 0xDC00:x}" if 0xDC80 <= code <= 0xDCFF else f"half of {code:x}"
            raise DataError(
                f"`{file}`: row {number} is no UTF-8 text ({what} in `{column}`); save the file as "
                "UTF-8 (`iconv -f latin1 -t utf-8`, say)"
            ) from error
    return text
