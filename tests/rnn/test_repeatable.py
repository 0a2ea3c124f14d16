"""Two trainings with one seed are the same to the last bit, wherever they run."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")

TRAINING = """
import json, sys
from besom.rnn import environment
environment.prepare()
from tests.rnn.test_repeatable import bits
print(json.dumps(bits("simple_rnn")))
"""


def bits(model: str, **settings: Any) -> list[str]:
    """Two epochs' metrics and all weights in the end, as hexadecimal digits."""
    from tests.rnn.test_engines import history, made, split

    train, validation = split(100), split(40, seed=1)
    engine, network = made("xla", train, model=model, dropout=0.2, **settings)
    found = [history(engine, train, validation), *network.get_weights()]
    return [np.ascontiguousarray(array).tobytes().hex() for array in found]


def test_in_a_worker_that_has_trained_other_shapes_in_between() -> None:
    model = "simple_rnn"
    first = bits(model)
    others = [bits(model, units=5), bits(model, batch_size=30), bits(model, seed=1)]
    assert bits(model) == first
    assert first not in others


def test_in_two_processes() -> None:
    """The other one finds its programs compiled."""
    first = bits("simple_rnn")
    ended = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == first
