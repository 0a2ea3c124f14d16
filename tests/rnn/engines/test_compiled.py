"""Tests compiled programs: stable names, a damaged cache, and no leaked graphs."""

import gc
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.rnn.conftest import start

pytestmark = pytest.mark.usefixtures("tensorflow")


def cube_by_loop(power: int) -> Any:
    """Trace a program with a loop, whose parts are functions with names too."""
    import tensorflow as tf

    def cube(x: Any) -> Any:
        return tf.while_loop(lambda i, _: i < power, lambda i, y: (i + 1, y * x), (0, x))[1]

    compiled = tf.function(cube, jit_compile=True, autograph=False)
    return compiled.get_concrete_function(tf.TensorSpec([], tf.float32))


def names(concrete: Any) -> list[str]:
    library = concrete.graph.as_graph_def().library
    return [concrete.name.decode(), *sorted(item.signature.name for item in library.function)]


def test_a_program_has_the_same_names_each_time_it_is_traced() -> None:
    from besom.rnn.engines.compiled import repeatable_names

    found = []
    for identity in ("a", "a", "b"):
        with repeatable_names(identity):
            found.append(names(cube_by_loop(2)))
        cube_by_loop(2)
    assert found[0] == found[1]
    assert len(found[0]) == 3
    assert not set(found[0]) & set(found[2])


def test_outside_the_block_names_are_tensorflows_own() -> None:
    from besom.rnn.engines.compiled import repeatable_names

    with pytest.raises(ZeroDivisionError), repeatable_names("a"):
        raise ZeroDivisionError
    assert names(cube_by_loop(2)) != names(cube_by_loop(2))


INCREMENT = """
import sys
from besom.rnn import environment
environment.prepare()
import tensorflow as tf
from besom.rnn.engines.compiled import Program

def trace(step):
    compiled = tf.function(lambda x: x + step, jit_compile=True, autograph=False)
    return compiled.get_concrete_function(tf.TensorSpec([], tf.float32))

for word in sys.argv[1:]:
    name, step = word.split("=")
    print(Program(name, lambda: trace(float(step)))(tf.constant(1.0)).numpy())
"""


def run(cache: Path, script: str, *arguments: str) -> tuple[str, str]:
    return start(script, *arguments, cache=cache).communicate(timeout=120)


def entries(cache: Path) -> dict[Path, int]:
    """Return each compiled program's inode, which changes when it is compiled again."""
    return {path: path.stat().st_ino for path in cache.glob("programs/*")}


@pytest.fixture(scope="module")
def first_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cache that a first process has left; tests copy it."""
    folder = tmp_path_factory.mktemp("first_cache")
    assert run(folder, INCREMENT, "a=1", "b=2") == ("2.0\n3.0\n", "")
    return folder


@pytest.fixture
def cache(first_cache: Path, tmp_path: Path) -> Path:
    """Return a cache that holds both compiled programs."""
    return shutil.copytree(first_cache, tmp_path / "cache")


def test_other_code_of_the_same_name_is_not_mistaken_for_it(cache: Path) -> None:
    """Two versions of Besom may share a cache; each finds its own program."""
    first = entries(cache)
    assert len(first) == 2
    assert run(cache, INCREMENT, "a=3", "b=2") == ("4.0\n3.0\n", "")
    assert run(cache, INCREMENT, "a=1") == ("2.0\n", "")
    assert len(entries(cache)) == 3 and entries(cache).items() > first.items()


def test_a_damaged_entry_is_compiled_anew(cache: Path) -> None:
    cut_off, zeros = entries(cache)
    cut_off.write_bytes(cut_off.read_bytes()[:1000])
    zeros.write_bytes(bytes(1000))
    out, err = run(cache, INCREMENT, "a=1", "b=2", "a=1")
    assert (out, err.count("is emptied")) == ("2.0\n3.0\n2.0\n", 1)
    assert run(cache, INCREMENT, "a=1", "b=2") == ("2.0\n3.0\n", "")


def test_two_processes_may_make_the_same_program_at_once(tmp_path: Path) -> None:
    processes = [start(INCREMENT, "a=1", cache=tmp_path) for _ in range(2)]
    assert [process.communicate(timeout=120) for process in processes] == [("2.0\n", "")] * 2
    assert len(made := entries(tmp_path)) == 1
    assert run(tmp_path, INCREMENT, "a=1") == ("2.0\n", "")
    assert entries(tmp_path) == made


TRAIN = """
import sys
from hydra import compose, initialize_config_dir
from besom.rnn import config
from besom.app.config_paths import conf_folder
from besom.rnn.train import train
from tests.rnn.conftest import SMALL, SYNTHETIC

config.register()
with initialize_config_dir(str(conf_folder()), version_base="1.3"):
    for words in sys.argv[1:]:
        train(compose("train", overrides=[*SYNTHETIC, *SMALL, *words.split()]))
"""


def test_a_trial_compiles_only_what_no_process_has_compiled(tmp_path: Path) -> None:
    def compiled_by(*trainings: str) -> int:
        before = entries(tmp_path).items()
        _, err = run(tmp_path, TRAIN, *trainings)
        assert err == ""
        return len(entries(tmp_path).items() - before)

    first = "training.epochs=1 seed=1 data.test_reviews=1100"
    same = "training.epochs=2 seed=2 training.learning_rate=0.01"
    wider = "training.epochs=1 model.units=5"
    assert compiled_by(first, same) == 2  # an epoch, and the scoring of both validation and test
    assert compiled_by(wider, same, first) == 2


def test_what_was_traced_before_is_bound_to_other_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the last few programs are kept, and none that uses a variable that was not given."""
    import keras
    import tensorflow as tf

    from besom.rnn.engines import compiled

    monkeypatch.setattr(compiled, "MOST_KEPT", 2)
    traced = []

    def program(name: str, *variables: Any, named: int = 2) -> Any:
        first, second = (variable.value for variable in variables)

        def add(x: tf.Tensor) -> tf.Tensor:
            return first.assign_add(2 * x + second)

        def trace() -> Any:
            traced.append(name)
            function = tf.function(add, jit_compile=True, autograph=False)
            return function.get_concrete_function(tf.TensorSpec([], tf.float32))

        return compiled.Program(name, trace, variables[:named])

    a, b, c, d = (keras.Variable(float(n)) for n in range(4))
    one, other = program("bound", a, b), program("bound", c, d)
    assert [one(tf.constant(5.0)), other(tf.constant(5.0)), one(tf.constant(5.0))] == [11, 15, 22]
    assert [float(v.value) for v in (a, b, c, d)] == [22, 1, 15, 3]
    assert traced == ["bound"]
    assert [program("partly", a, b, named=1)(tf.constant(0.0)) for _ in "12"] == [23, 24]
    for name in ("bound", "next", "another", "bound"):
        program(name, a, b)
    assert traced[1:] == ["partly", "partly", "next", "another", "bound"]


def test_an_error_of_a_program_that_has_run_is_not_taken_for_a_damaged_entry() -> None:
    import tensorflow as tf

    from besom.rnn.engines.compiled import Program

    traced = []

    def trace() -> Any:
        traced.append(None)
        return tf.function(lambda x: x + 1).get_concrete_function(tf.TensorSpec([], tf.float32))

    program = Program("proven", trace)
    program(tf.constant(1.0))
    with pytest.raises(tf.errors.InvalidArgumentError):
        program(tf.constant([1, 2]))
    assert len(traced) == 1


def test_a_graph_with_a_custom_gradient_goes_with_its_function() -> None:
    import tensorflow as tf

    from besom.rnn.engines.compiled import passing_gradients

    @tf.custom_gradient
    def doubled(x: tf.Tensor) -> tuple[tf.Tensor, object]:
        return 2 * x, lambda upstream: 7 * upstream  # another gradient than TensorFlow's own

    def slope(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = doubled(x)
        return tape.gradient(y, x)

    with passing_gradients():
        traced = tf.function(slope).get_concrete_function(tf.TensorSpec([], tf.float32))
    assert traced(tf.constant(1.0)) == 7
    graph = weakref.ref(traced.graph)
    del traced
    gc.collect()
    assert graph() is None


def test_gradients_from_outside_the_block_stay() -> None:
    from tensorflow.python.framework import ops

    from besom.rnn.engines.compiled import passing_gradients

    before = set(ops.gradient_registry.list())
    with passing_gradients():
        pass
    assert set(ops.gradient_registry.list()) == before
