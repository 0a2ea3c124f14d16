"""Tests that trainings with one seed are equal to the last bit, in any process."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.rnn.conftest import start

pytestmark = pytest.mark.usefixtures("tensorflow")

TRAINING = """
import json
from besom.rnn import environment
environment.prepare()
from tests.rnn.engines.test_repeatable import bits
print(json.dumps(bits("simple_rnn")))
"""


def bits(model: str, **settings: Any) -> list[str]:
    """Return the metrics of two epochs and the final weights, as hexadecimal digits."""
    from tests.rnn.engines.test_engines import REVIEWS, history, made, split

    train, validation = split(REVIEWS), split(40, seed=1)
    engine, network = made("xla", train, model=model, dropout=0.5, **settings)
    found = [history(engine, train, validation), *network.get_weights()]
    return [np.ascontiguousarray(array).tobytes().hex() for array in found]


def test_in_a_worker_that_has_trained_another_shape_and_in_another_process(
    shared_cache: Path,
) -> None:
    """The other process loads its compiled programs from the cache."""
    model = "simple_rnn"
    first, other = bits(model), bits(model, batch_size=30)
    assert bits(model) == first != other
    out, err = start(TRAINING, cache=shared_cache).communicate(timeout=120)
    assert json.loads(out.splitlines()[-1]) == first, err
