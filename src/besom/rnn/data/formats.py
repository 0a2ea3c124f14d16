"""Reads the file formats of tables: yields the texts and labels of their rows."""

import csv
import gzip
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from besom.common.errors import DataError
from besom.common.suggest import suggestion
from besom.common.text import printable, shorten

LARGEST_FIELD = 1 << 24
"""The most characters of a field, or bytes of a JSON line. A longer field has an unclosed quote."""
DELIMITERS = {".csv": ",;\t|", ".tsv": "\t"}
"""Possible separators of fields; spreadsheets with decimal commas use ``;``."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
SHOWN = 200
"""The most characters of a list of names in a message."""

Row = tuple[Any, Any]
"""A text and its label as in the file; None for a missing value."""


@dataclass(frozen=True)
class Columns:
    """The names of the two columns that are read."""

    text: str
    label: str


def ending(file: Path) -> str:
    """Return a file's ending in lower case, without ``.gz``: ``.csv`` for ``a.CSV.gz``."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    return ([""] + [suffix for suffix in suffixes if suffix != ".gz"])[-1]


def _missing(file: Path, key: str, name: str, names: Sequence[str]) -> DataError:
    there = shorten(", ".join(map(printable, names)), SHOWN) or "none"
    hint = suggestion(name, names)
    return DataError(
        f"`data.{key}={name}`: `{file}` has no such column; "
        + (f"did you mean `{printable(hint)}`? There" if hint else "there")
        + f" are: {there}."
    )


def check_columns(file: Path, columns: Columns, names: Sequence[str]) -> None:
    """Refuse columns that are missing, or exist twice."""
    for key, name in (("text", columns.text), ("label", columns.label)):
        if name not in names:
            raise _missing(file, key, name, names)
        if names.count(name) > 1:
            raise DataError(f"`{file}` has two columns called `{name}`; give one another name")


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes, decompressed where it is gzipped."""
    packed = file.suffix.lower() == ".gz"
    with gzip.open(file) if packed else file.open("rb") as stream:
        yield stream  # type: ignore[misc]  # gzip's class is not typed as IO


def _separated(file: Path, columns: Columns) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV file, whose first line names the columns."""
    limit = csv.field_size_limit(LARGEST_FIELD)
    try:
        with _opened(file) as stream:
            _refuse_utf_16(file, stream.read(2))
            stream.seek(0)
            text = TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
            delimiter = _delimiter(file, text.readline(LARGEST_FIELD), columns)
            text.seek(0)
            yield from _fields(file, csv.reader(text, delimiter=delimiter, strict=True), columns)
    finally:
        csv.field_size_limit(limit)


def _fields(file: Path, reader: Any, columns: Columns) -> Iterator[Row]:
    number = 0
    try:
        names = [name.strip() for name in next(reader, [])]
        if not names:
            raise DataError(f"`{file}` is empty; its first line has to name the columns")
        check_columns(file, columns, names)
        text, label = names.index(columns.text), names.index(columns.label)
        for row in reader:
            if row:  # an empty line is no row
                number += 1
                if len(row) != len(names):
                    raise _ragged(file, number, reader.line_num, len(row), names)
                yield row[text], row[label]
    except csv.Error as error:
        raise DataError(
            f"`{file}`: row {number + 1}, which ends in line {reader.line_num}, cannot be read: "
            f'{error}; put "…" around texts, and write "" for a quote inside of one'
        ) from error


def _ragged(file: Path, number: int, line: int, n_fields: int, names: Sequence[str]) -> DataError:
    fields = "1 field" if n_fields == 1 else f"{n_fields} fields"
    return DataError(
        f"`{file}`: row {number} (line {line}) has {fields}, and the first line names "
        f"{len(names)} columns; put quotes around texts that hold the separator"
    )


def _refuse_utf_16(file: Path, first: bytes) -> None:
    if first in UTF_16:
        raise DataError(f"`{file}` is UTF-16 text; save it as UTF-8 (Excel: `CSV UTF-8`)")


def _delimiter(file: Path, line: str, columns: Columns) -> str:
    """Return the separator that gives the first line both columns, or else the most columns."""
    found = {}
    for delimiter in DELIMITERS[ending(file)]:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
        if {columns.text, columns.label} <= set(names):
            return delimiter
        found[delimiter] = len(names)
    return max(found, key=lambda delimiter: found[delimiter])


def _json_lines(file: Path, columns: Columns) -> Iterator[Row]:
    """Yield the rows of a file with one JSON object per line."""
    number = 0
    with _opened(file) as stream:
        while line := stream.readline(LARGEST_FIELD + 1):
            if not number:
                _refuse_utf_16(file, line[:2])
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            number += 1
            row = _object(file, number, line)
            if number == 1:
                check_columns(file, columns, [*row])
            yield row.get(columns.text), row.get(columns.label)


def _object(file: Path, number: int, line: bytes) -> dict[str, Any]:
    if len(line) > LARGEST_FIELD:
        raise DataError(f"`{file}`: row {number} has more than {LARGEST_FIELD >> 20} MiB")
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise DataError(
            f"`{file}`: row {number} is no UTF-8 text (byte 0x{line[error.start]:x}); save the "
            "file as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"`{file}`: row {number} is no JSON ({error}); write one object a line"
        ) from error
    if not isinstance(row, dict):
        raise DataError(f"`{file}`: row {number} is no JSON object; write one object a line")
    return row


def _parquet(file: Path, columns: Columns) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    with _unpacked(file) as plain:
        try:
            source = parquet.ParquetFile(plain)
            check_columns(file, columns, source.schema_arrow.names)
            wanted = [columns.text, columns.label]
            for batch in source.iter_batches(batch_size=4096, columns=wanted):
                texts, labels = (_values(batch.column(name)) for name in wanted)
                yield from zip(texts, labels, strict=True)
        except (pyarrow.ArrowException, UnicodeDecodeError) as error:  # a name, where damaged
            reason = str(error).partition("\n")[0]
            raise DataError(f"`{file}` is no whole Parquet file: {reason}") from error


def _values(column: Any) -> list[Any]:
    """Return a column's values, bytes as text.

    Parquet often holds text as bytes. Bytes that are not UTF-8 become surrogates, as in CSV.
    """
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        values = column.cast(pyarrow.large_binary()).to_pylist()
    is_bytes = any(isinstance(value, bytes) for value in values)
    return [_text_of(value) for value in values] if is_bytes else values


def _text_of(value: Any) -> Any:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value


@contextmanager
def _unpacked(file: Path) -> Iterator[Path]:
    """Yield the file, or an unpacked copy of a gzipped one: Parquet is read from its end."""
    if file.suffix.lower() != ".gz":
        yield file
        return
    with tempfile.NamedTemporaryFile(prefix="besom-", suffix=".parquet") as plain:
        with gzip.open(file) as stream:
            shutil.copyfileobj(stream, plain)
        plain.flush()
        yield Path(plain.name)


READERS: dict[str, Callable[[Path, Columns], Iterator[Row]]] = {
    ".csv": _separated,
    ".tsv": _separated,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
