"""Tests that a sweep checks the user's own network before it starts anything."""

from pathlib import Path

from tests.conftest import Command

FEW = """import keras
from keras import layers

def build(config, vocab_size, n_classes):
    tokens = keras.Input((config.data.max_length,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(config.model.rows, 8)(tokens))
    return keras.Model(tokens, layers.Dense(1, activation="sigmoid")(x))
"""


def test_a_sweep_of_a_wrong_baseline_is_refused(besom: Command, tmp_path: Path) -> None:
    (tmp_path / "few_rows.py").write_text(FEW)
    words = ["data.vocab_size=50", "model.build=few_rows:build", "+model.rows=49"]
    ended = besom("sweep", "quickstart", *words)
    assert ended.code == 2
    assert ended.err == (
        "besom: `model.build=few_rows:build`: the Embedding `embedding` has 49 rows, and the "
        "tokens of `data.vocab_size=50` go to 49; make it of vocab_size rows, which the function "
        "is given\n"
    )
    assert not (tmp_path / "mlruns").exists()
