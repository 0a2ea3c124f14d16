"""Programs keep their names, and outlive a broken cache."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")


def cube_by_loop(power: int) -> Any:
    """A program with a loop in it, for loops are functions with names too."""
    import tensorflow as tf

    def cube(x: Any) -> Any:
        return tf.while_loop(lambda i, _: i < power, lambda i, y: (i + 1, y * x), (0, x))[1]

    compiled = tf.function(cube, jit_compile=True, autograph=False)
    return compiled.get_concrete_function(tf.TensorSpec([], tf.float32))


def names(concrete: Any) -> list[str]:
    library = concrete.graph.as_graph_def().library
    return [concrete.name.decode(), *sorted(item.signature.name for item in library.function)]


def test_a_program_has_the_same_names_each_time_it_is_traced() -> None:
    from besom.rnn.repeatable_names import repeatable_names

    found = []
    for identity in ("a", "a", "b"):
        with repeatable_names(identity):
            found.append(names(cube_by_loop(2)))
        cube_by_loop(2)
    assert found[0] == found[1]
    assert len(found[0]) == 3
    assert not set(found[0]) & set(found[2])


def test_outside_the_block_names_are_tensorflows_own() -> None:
    from besom.rnn.repeatable_names import repeatable_names

    with pytest.raises(ZeroDivisionError), repeatable_names("a"):
        raise ZeroDivisionError
    assert names(cube_by_loop(2)) != names(cube_by_loop(2))


RUN = """
from besom.rnn import environment
environment.prepare()
import tensorflow as tf
from besom.rnn.program import Program

def trace():
    compiled = tf.function(lambda x: x + 1, jit_compile=True)
    return compiled.get_concrete_function(tf.TensorSpec([], tf.float32))

print(Program("increment", trace)(tf.constant(1.0)).numpy())
"""


def test_a_program_is_found_by_another_process_and_made_anew_when_broken(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}

    def run() -> set[Path]:
        ended = subprocess.run(
            [sys.executable, "-c", RUN],
            env={**kept, "BESOM_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert (ended.stdout, ended.stderr) == ("2.0\n", "")
        return set(tmp_path.glob("xla/*/*"))

    first = run()
    assert len(first) == 1
    [entry] = first
    written = entry.stat().st_mtime_ns
    assert run() == first
    assert entry.stat().st_mtime_ns == written
    entry.write_bytes(entry.read_bytes()[:100])
    assert len(run() - first) == 1


def test_an_error_of_a_program_that_has_run_is_not_taken_for_a_broken_entry() -> None:
    import tensorflow as tf

    from besom.rnn.program import Program

    traced = []

    def trace() -> Any:
        traced.append(None)
        return tf.function(lambda x: x + 1).get_concrete_function(tf.TensorSpec([], tf.float32))

    program = Program("proven", trace)
    program(tf.constant(1.0))
    with pytest.raises(tf.errors.InvalidArgumentError):
        program(tf.constant([1, 2]))
    assert len(traced) == 1
