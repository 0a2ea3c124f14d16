"""Tests ``data=text_files``: file formats, split of the rows, vocabulary, refused files."""

import csv
import gzip
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from besom.common.errors import DataError
from besom.rnn.config import TextFilesData
from besom.rnn.data import Corpus, describe, digests, imdb, open_corpus, text_files, view
from besom.rnn.data.corpus import INDEX_FROM, UNKNOWN
from besom.rnn.data.tables import find, read_rows
from besom.rnn.text_classifier import TextClassifier, words

COLOURS = ("red", "green", "blue")
Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def rows_of(count: int = 120) -> Rows:
    """Return rows whose text names the class. The first class has half of the rows."""
    labels = [COLOURS[max(i % 4 - 1, 0)] for i in range(count)]
    return [
        {"id": i, "said": f"Très {label}, it’s number {i};\n“so” {label}", "colour": label}
        for i, label in enumerate(labels)
    ]


def opened(path: Path, validation_split: float = 0.25, **settings: Any) -> Corpus:
    data = TextFilesData(
        name="mine",
        vocab_size=100,
        max_length=12,
        path=str(path),
        kind="text_files",
        test_path=None,
        text="said",
        label="colour",
        test_split=0.2,
        seed=0,
    )
    return open_corpus(replace(data, **settings), validation_split)


def write_csv(path: Path, rows: Rows, delimiter: str = ",", encoding: str = "utf-8") -> None:
    with open(path, "w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, [*rows[0]], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def write_json(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_parquet(path: Path, rows: Rows) -> None:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=50)


WRITERS: Mapping[str, Callable[[Path, Rows], None]] = {
    "mine.csv": write_csv,
    "mine.CSV": lambda path, rows: write_csv(path, rows, ";", "utf-8-sig"),  # as Excel does
    "mine.tsv": lambda path, rows: write_csv(path, rows, "\t"),
    "mine.jsonl": write_json,
    "mine.parquet": write_parquet,
}


def written(folder: Path, rows: Rows, name: str = "mine.csv") -> Path:
    WRITERS[name](folder / name, rows)
    return folder / name


def arrays(corpus: Corpus) -> list[np.ndarray]:
    return [
        array
        for reviews in (corpus.train, corpus.test)
        for array in (reviews.tokens, reviews.offsets, reviews.labels)
    ]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_gives_the_same_texts(tmp_path: Path, name: str, packed: bool) -> None:
    expected = opened(written(tmp_path, rows_of()))
    path = written(tmp_path, rows_of(), name)
    if packed:
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = tmp_path / f"{name}.gz"
    found = opened(path)
    for array, other in zip(arrays(found), arrays(expected), strict=True):
        np.testing.assert_array_equal(array, other)
    assert found.classes == expected.classes == ("blue", "green", "red")
    assert found.word_index() == expected.word_index()
    assert found.source == str(path)


def test_each_part_has_each_class_in_its_share(tmp_path: Path) -> None:
    """Of 60, 30 and 30 rows, a fifth is for the test, a quarter of the rest for validation."""
    corpus = opened(written(tmp_path, rows_of()))
    assert np.bincount(corpus.test.labels).tolist() == [6, 6, 12]
    assert np.bincount(corpus.train.labels[72:]).tolist() == [6, 6, 12]
    assert np.bincount(corpus.train.labels[:72]).tolist() == [18, 18, 36]
    assert len(set(corpus.train.labels[:12].tolist())) == 3, "not sorted by class"


def test_the_parts_depend_on_the_datas_seed(tmp_path: Path) -> None:
    rows = [{"said": f"common own{i}", "colour": COLOURS[i % 2]} for i in range(100)]
    first, again, other = (opened(written(tmp_path, rows), seed=seed) for seed in (0, 0, 1))
    assert first.word_index() == again.word_index()
    assert first.word_index().keys() != other.word_index().keys()
    assert first.digest == other.digest


def test_the_words_are_those_of_the_training_part_alone(tmp_path: Path) -> None:
    """Each row has a unique word; only words of the training part get a token."""
    rows = [{"said": f"common own{i}", "colour": COLOURS[i % 2]} for i in range(100)]
    corpus = opened(written(tmp_path, rows), 0.25)
    index = corpus.word_index()
    assert len(index) == 1 + 60 and index["common"] == 1
    assert corpus.vocab_size == INDEX_FROM + 61 + 1
    tokens = corpus.train.tokens.reshape(-1, 3)
    assert (tokens[:60, 2] > INDEX_FROM + 1).all() and len(set(tokens[:60, 2])) == 60
    assert (tokens[60:, 2] == UNKNOWN).all()
    assert (corpus.test.tokens.reshape(-1, 3)[:, 2] == UNKNOWN).all()
    more = opened(written(tmp_path, rows), 0.1)
    assert len(more.word_index()) == 1 + 72


def test_words_are_ranked_by_their_frequency_and_then_by_the_alphabet(tmp_path: Path) -> None:
    rows = [{"said": "b a a a c c", "colour": COLOURS[i % 2]} for i in range(10)]
    assert opened(written(tmp_path, rows)).word_index() == {"a": 1, "c": 2, "b": 3}


@pytest.mark.parametrize("vocab_size", [8, 100])
def test_a_served_model_reads_as_the_training_did(tmp_path: Path, vocab_size: int) -> None:
    rows = rows_of()
    corpus = opened(written(tmp_path, rows), test_path=str(written(tmp_path, rows, "mine.jsonl")))
    known = {word: rank + INDEX_FROM for word, rank in corpus.word_index().items()}
    known = {word: token for word, token in known.items() if token < vocab_size}
    served = TextClassifier(None, known, vocab_size, max_length=12)  # type: ignore[arg-type]
    found = served.read([row["said"] for row in rows])
    np.testing.assert_array_equal(found, view(corpus.test, vocab_size, 12).tokens)


def test_a_file_for_the_test_leaves_all_rows_to_train_on(tmp_path: Path) -> None:
    rows = rows_of()
    test = written(
        tmp_path, [{**row, "said": f"new {row['said']}"} for row in rows[:9]], "mine.tsv"
    )
    corpus = opened(written(tmp_path, rows), test_path=str(test))
    assert (len(corpus.train), len(corpus.test)) == (120, 9)
    expected = [corpus.classes.index(row["colour"]) for row in rows[:9]]
    assert corpus.test.labels.tolist() == expected, "in the order of the file"
    assert corpus.remarks == ()
    assert corpus.digest != opened(written(tmp_path, rows)).digest


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([10, 9, -1], ("-1", "9", "10")),
        ([True, False, True], ("false", "true")),
        ([1.0, 0.0, 2.0], ("0", "1", "2")),
        ([" b", "a ", "B"], ("B", "a", "b")),
        (["7", "x", "10"], ("10", "7", "x")),
        (["nan", "none", "ja"], ("ja", "nan", "none")),
    ],
)
def test_labels_are_any_text_or_whole_number(
    tmp_path: Path, labels: list[Any], classes: tuple[str, ...]
) -> None:
    rows = [{"said": f"word{i % 5}", "colour": labels[i % 3]} for i in range(30)]
    for name in ("mine.jsonl", "mine.parquet"):
        assert opened(written(tmp_path, rows, name)).classes == classes


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["0.0", "1.0", "1"], ("0", "1")),
        (["3.", "-1.00", "007"], ("-1", "3", "007")),
        (["1.0", "v2.0", "beta"], ("1.0", "beta", "v2.0")),
    ],
)
def test_labels_that_are_whole_numbers_have_one_name_in_every_format(
    tmp_path: Path, labels: list[str], classes: tuple[str, ...]
) -> None:
    rows = [{"said": f"word{i % 5}", "colour": labels[i % 3]} for i in range(30)]
    for name in ("mine.csv", "mine.tsv", "mine.jsonl"):
        corpus = opened(written(tmp_path, rows, name))
        assert corpus.classes == classes
        everyone = np.concatenate([corpus.train.labels, corpus.test.labels])
        counts = [10] * 3 if len(classes) == 3 else [10, 20]
        assert np.bincount(everyone).tolist() == counts


def files_in(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return for each file its inode and time, which change when it is written again."""
    found = {file: file.stat() for file in folder.rglob("*") if file.is_file()}
    return {file: (stat.st_ino, stat.st_mtime_ns) for file, stat in found.items()}


def test_is_read_once_and_again_when_it_has_changed(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, rows_of())
    first, kept = opened(path), files_in(cache)
    assert isinstance(first.train.tokens.base, np.memmap)
    again = opened(path, name="again")  # another name is another corpus over the same texts
    assert again is not first and again.digest == first.digest
    assert files_in(cache) == kept
    written(tmp_path, rows_of(80))
    assert len(opened(path).train) == 64
    assert len(files_in(cache)) == 2 * len(kept)


def test_a_digest_is_kept_of_a_file_that_has_not_changed_for_long(tmp_path: Path) -> None:
    of_the_installation = Path(json.__file__)
    digest = digests.known_digest(of_the_installation, tmp_path / "digests")
    assert digest == digests.content_digest(of_the_installation)
    [kept] = (tmp_path / "digests").iterdir()
    kept.write_text("0" * 64)
    assert digests.known_digest(of_the_installation, tmp_path / "digests") == "0" * 64


def test_a_digest_is_not_kept_of_a_file_that_has_just_changed(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path, rows_of())
    assert opened(path).digest == digests.content_digest(path)
    assert not (cache / "text_files" / "digests").exists()


def test_what_is_in_two_parts_is_counted_for_each_two(tmp_path: Path) -> None:
    rows = [{"said": f"text {i}", "colour": COLOURS[i % 2]} for i in range(100)]
    whole = written(tmp_path, rows)
    [remark] = opened(whole, test_path=str(written(tmp_path, rows, "mine.tsv"))).remarks
    assert remark.startswith(
        "of the 100 texts of the test part, 75 in the training part and 25 in the validation part "
        "too; test metrics"
    )


def test_what_is_learned_by_heart_in_the_validation_is_counted(tmp_path: Path) -> None:
    rows = [{"said": f"text {i % 2} same", "colour": COLOURS[i % 2]} for i in range(100)]
    tested, validated = opened(written(tmp_path, rows)).remarks
    assert tested.startswith("of the 20 texts of the test part, 20 in the training part too; test")
    assert validated.startswith(
        "of the 20 texts of the validation part, 20 in the training part too; validation metrics"
    )


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["Red", "green"], "the labels `Red` and `red` of `colour` differ in case or spaces"),
        (["light  blue", "light blue"], "the labels `light  blue` and `light blue` of"),
        (["green", "blue"], None),
    ],
)
def test_labels_that_look_alike_are_named(
    tmp_path: Path, others: list[str], said: str | None
) -> None:
    labels = ["red", *others]
    rows = [{"said": f"text {i}", "colour": labels[i % 3]} for i in range(60)]
    remarks = opened(written(tmp_path, rows)).remarks
    assert [remark[: len(said)] for remark in remarks if said] == ([said] if said else [])
    assert said or not remarks


def test_it_is_described_in_a_line(tmp_path: Path) -> None:
    assert describe(opened(written(tmp_path, rows_of())), 0.25) == (
        "train 72, validation 24, test 24 rows; 3 classes: blue, green, red"
    )
    rows = [{"said": f"text {i}", "colour": f"a long name {i % 9}"} for i in range(90)]
    shown = describe(opened(written(tmp_path, rows)), 0.25)
    assert len(shown) == 67 and shown.endswith("9 classes: a long name 0, a…")


def test_texts_without_words_are_counted(tmp_path: Path) -> None:
    rows = [*rows_of(), {"id": 1, "said": "👍", "colour": "red"}]
    [remark] = opened(written(tmp_path, rows)).remarks
    assert "without a word" in remark and ": 1;" in remark


GOOD = [f"text {i},{'ab'[i % 2]}" for i in range(20)]


def file_of(lines: Sequence[str], header: str = "said,colour") -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def changed(number: int, line: str) -> bytes:
    return file_of([*GOOD[:number], line, *GOOD[number + 1 :]])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; its first line has to name the columns"),
        (file_of([]), "holds no rows"),
        (file_of(GOOD, "said,color"), "did you mean `color`? There are: said, color."),
        (file_of(GOOD, "x,y"), "`data.text=said`: `FILE` has no such column; there are: x, y."),
        (file_of([f"{line},1" for line in GOOD], "said,colour,said"), "two columns called `said`"),
        (changed(4, ",a"), "row 5 has no text in `said`"),
        (changed(4, "   ,a"), "row 5 has no text in `said`"),
        (changed(4, "text,"), "row 5 has no label in `colour`"),
        (changed(4, "a, b, c"), "row 5 (line 6) has 3 fields, and the first line names 2 columns"),
        (changed(4, "alone"), "row 5 (line 6) has 1 field, and"),
        (changed(4, "text,c"), "the class `c` of `colour` has one row; give each two or more"),
        (file_of([f"text,{i}" for i in range(9)]), "has one row, and so have 8 more"),
        (file_of(["text,a"] * 9), "every row has the label `a` in `colour`"),
        (file_of([f"text,{i % 2}.5" for i in range(9)]), "holds numbers with fractions (`0.5`)"),
        (file_of([f"{i},{i % 2}" for i in range(9)]), "no text of `said` holds a word with a let"),
        (changed(4, '"open,a'), "cannot be read: unexpected end of data; put"),
        (changed(4, '"a" b,a'), "row 5, which ends in line 6, cannot be read: ',' expected"),
        (file_of(GOOD).replace(b"text 4", b"caf\xe9"), "row 5 is no UTF-8 text (byte 0xe9 in `s"),
        (file_of(GOOD).decode().encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    refused(path, said)


@pytest.mark.parametrize("split", [1e-17, 0.9])
def test_shares_that_leave_a_part_empty_are_refused(tmp_path: Path, split: float) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(file_of(["text,a"] * 2 + ["text,b"] * 2))
    refused(path, "leave none of 4 rows to train or to test on", test_split=split)


def refused(path: Path, said: str, **settings: Any) -> None:
    with pytest.raises(DataError) as error:
        opened(path, **settings)
    assert said.replace("FILE", str(path)) in str(error.value)
    assert str(error.value).count("\n") < 3


JSON_ROWS = [{"said": f"text {i}", "colour": i % 2} for i in range(20)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"said": 4, "colour": 1}, "row 5 has 4 in `said`, which is no text"),
        ({"said": None, "colour": 1}, "row 5 has no text"),
        ({"colour": 1}, "row 5 has no text"),
        ({"said": "text", "colour": float("nan")}, "row 5 has no label"),
        ({"said": "text"}, "row 5 has no label"),
        ({"said": "text", "colour": [1]}, "row 5 has [1] in `colour`, and each text has one"),
        ({"said": "\ud800", "colour": 1}, "row 5 is no UTF-8 text (half of d800 in `said`)"),
        ([1, 2], "row 5 is no JSON object"),
    ],
)
def test_a_json_line_that_cannot_be_used_is_refused(tmp_path: Path, row: Any, said: str) -> None:
    path = tmp_path / "mine.jsonl"
    write_json(path, [*JSON_ROWS[:4], row, *JSON_ROWS[4:]])
    refused(path, said)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mine.jsonl", b'{"said": "x", "colour": 1}\n{"said": \n', "row 2 is no JSON (Expecting"),
        ("mine.jsonl", b'{"said": "caf\xe9", "colour": 1}\n', "row 1 is no UTF-8 text (byte 0xe9)"),
        ("mine.jsonl", b'{"text": "x", "colour": 1}\n', "`data.text=said`"),
        ("mine.jsonl", b"", "holds no rows"),
        ("mine.parquet", b"PAR1 nothing", "is no whole Parquet file"),
        ("mine.csv.gz", b"said,colour", "is no whole gzip file"),
        ("mine.csv.gz", gzip.compress(file_of(GOOD), mtime=0)[:-9], "is no whole gzip file"),
        ("mine.xlsx", b"", "is of a kind that is not read; give .csv, .tsv, .jsonl, .parquet"),
        ("mine.json", b"[]", "with .gz: a JSON object a line"),
    ],
)
def test_a_damaged_or_another_file_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, said)


def test_a_file_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, rows_of())
    refused(tmp_path / "mined.csv", "mined.csv` is no file; did you mean `mine.csv`?")
    refused(tmp_path / "x" / "mine.csv", "none of that name is in")
    refused(tmp_path, "is a folder; name one file in it")
    for key in ("data.path", "data.test_path"):
        with pytest.raises(DataError, match=f"`{key}=` has no value; give a file"):
            find("", key)


@pytest.mark.parametrize("path", ["~nobody_at_all/x.csv", "x" * 300 + ".csv", "\0.csv"])
def test_a_name_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(DataError, match="is no file"):
        find(path, "data.path")
    with pytest.raises(DataError, match="is no file"):
        imdb.find(path)


def test_it_is_looked_for_where_the_command_was_given(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``hydra.job.chdir=true`` moves each trial into a folder of its own."""
    path = written(tmp_path, rows_of())
    (tmp_path / "imdb.npz").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert opened(Path("mine.csv")).source == str(path)
    assert imdb.find("imdb.npz") == tmp_path / "imdb.npz"


def test_a_replaced_file_of_the_same_size_and_time_is_read_anew(tmp_path: Path) -> None:
    path = written(tmp_path, rows_of())
    first, times = opened(path), path.stat()
    other = tmp_path / "other.csv"
    other.write_bytes(path.read_bytes().replace(b"number 7;", b"number 0;"))
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    assert path.stat().st_size == times.st_size and path.stat().st_mtime_ns == times.st_mtime_ns
    assert opened(path).digest != first.digest


def test_other_rules_are_other_data_to_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, rows_of())
    first = opened(path)
    assert first.identity == first.digest
    monkeypatch.setattr(text_files, "VERSION", 2)
    again = opened(path, name="again")
    assert again.digest == first.digest and again.identity != first.identity


def write_over(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more\tred\n")


@pytest.mark.parametrize(
    ("meddle", "said"), [(write_over, "has changed while it was read"), (Path.unlink, "cannot be")]
)
def test_the_file_that_changes_while_it_is_read_is_the_one_that_is_named(
    tmp_path: Path,
    meddle: Callable[[Path], None],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = written(tmp_path, rows_of())
    test = written(tmp_path, [{"said": "text", "colour": "red"}], "mine.tsv")

    def meddled(file: Path, columns: Any) -> Any:
        yield from read_rows(file, columns)
        if file == test:
            meddle(test)

    monkeypatch.setattr(text_files, "read_rows", meddled)
    refused(path, f"`{test}` {said}", test_path=str(test))


def of_bytes(path: Path, texts: list[bytes], labels: list[bytes], kind: pyarrow.DataType) -> Path:
    columns = [pyarrow.array(values, pyarrow.binary()).view(kind) for values in (texts, labels)]
    parquet.write_table(pyarrow.table(columns, ["said", "colour"]), path)
    return path


def test_text_that_parquet_holds_as_bytes_is_text(tmp_path: Path) -> None:
    texts, labels = [f"café {i}".encode() for i in range(20)], [b"a", b"b"] * 10
    path = of_bytes(tmp_path / "mine.parquet", texts, labels, pyarrow.binary())
    corpus = opened(path)
    assert corpus.classes == ("a", "b") and "café" in corpus.word_index()


@pytest.mark.parametrize("kind", [pyarrow.binary(), pyarrow.string()])
@pytest.mark.parametrize("column", ["said", "colour"])
def test_parquet_that_is_no_utf_8_is_refused_with_its_row(
    tmp_path: Path, kind: pyarrow.DataType, column: str
) -> None:
    texts, labels = [b"text %d" % i for i in range(20)], [b"a", b"b"] * 10
    (texts if column == "said" else labels)[4] = b"caf\xe9"
    path = of_bytes(tmp_path / "mine.parquet", texts, labels, kind)
    refused(path, f"row 5 is no UTF-8 text (byte 0xe9 in `{column}`)")


def test_parquet_with_a_damaged_name_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, rows_of(), "mine.parquet")
    path.write_bytes(path.read_bytes().replace(b"colour", b"col\x80ur"))
    refused(path, "is no whole Parquet file")


def test_a_label_that_only_the_test_has_is_refused(tmp_path: Path) -> None:
    test = written(tmp_path, [{"said": "text", "colour": "pink"}], "mine.tsv")
    path = written(tmp_path, rows_of())
    refused(path, "the label `pink` of `colour` is none of", test_path=str(test))


def test_a_column_of_numbers_in_parquet_is_no_text(tmp_path: Path) -> None:
    rows = [{"said": i, "colour": i % 2} for i in range(20)]
    refused(written(tmp_path, rows, "mine.parquet"), "row 1 has 0 in `said`, which is no text")


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(changed(9, ",a"))
    refused(path, "row 10")
    assert not [file for file in cache.rglob("*") if file.is_file()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It wasn’t DULL: 8/10, naïve_x.", ["it", "wasn't", "dull", "8", "10", "naïve_x"]),
        ("Cafe\u0301 ÉTÉ", ["café", "été"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("привет, мир", ["привет", "мир"]),
        ("👍 — !", []),
    ],
)
def test_words_are_those_of_any_script(text: str, found: list[str]) -> None:
    assert words(text) == found
