"""Tables of texts that are damaged, or are something else."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from besom.common.errors import DataError
from besom.rnn.data import text_files
from tests.fuzz.damage import Damage, damages
from tests.fuzz.harness import bounded, examples, refused
from tests.rnn.data.test_text_files import WRITERS, opened, rows_of, written

FIELDS = st.text(max_size=6) | st.sampled_from([",", ";", '"', "\n", "\r", "said", "colour", "\0"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("texts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BESOM_CACHE", str(folder / "cache"))
        yield folder


def texts_or_refused(file: Path) -> None:
    """Assert that the file's texts are valid for training, or refused with a plain message."""
    text_files._open.cache_clear()
    with bounded():
        try:
            corpus = opened(file)
        except DataError as error:
            refused(error)
            return
    for reviews in (corpus.train, corpus.test):
        assert reviews.offsets[-1] == len(reviews.tokens) and (np.diff(reviews.offsets) > 0).all()
        assert set(reviews.labels.tolist()) <= set(range(corpus.n_classes))
        assert reviews.tokens.min() > 0 and reviews.tokens.max() < corpus.vocab_size


@examples(60)
@given(damage=damages(), name=st.sampled_from([*WRITERS]), packed=st.booleans())
def test_a_damaged_file_is_read_right_or_refused(
    folder: Path, damage: Damage, name: str, packed: bool
) -> None:
    content = damage(written(folder, rows_of(24), name).read_bytes())
    file = folder / f"{name}{'.gz' if packed else ''}"
    file.write_bytes(gzip.compress(content) if packed else content)
    texts_or_refused(file)


@examples(60)
@given(damage=damages())
def test_a_damaged_gzip_file(folder: Path, damage: Damage) -> None:
    file = folder / "mine.csv.gz"
    file.write_bytes(damage(gzip.compress(written(folder, rows_of(24)).read_bytes())))
    texts_or_refused(file)


@examples(60)
@given(st.lists(st.lists(FIELDS, max_size=3).map(",".join), max_size=8).map("\n".join))
@example('said,colour\n"a,b')
def test_a_table_of_anything(folder: Path, content: str) -> None:
    file = folder / "any.csv"
    for text in (content, f"said,colour\n{content}"):
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        texts_or_refused(file)
