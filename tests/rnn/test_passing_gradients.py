"""What is registered while a program is traced does not stay."""

import gc
import weakref

import pytest

pytestmark = pytest.mark.usefixtures("tensorflow")


def test_a_graph_with_a_custom_gradient_goes_with_its_function() -> None:
    import tensorflow as tf

    from besom.rnn.passing_gradients import passing_gradients

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

    from besom.rnn.passing_gradients import passing_gradients

    before = set(ops.gradient_registry.list())
    with passing_gradients():
        pass
    assert set(ops.gradient_registry.list()) == before
