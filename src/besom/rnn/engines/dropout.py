"""Implements dropout with Keras' own random numbers, by a program that XLA compiles well.

XLA has no fast form of TensorFlow's random numbers for CPUs: it fuses the ten rounds of Philox into
the loop over the mask, and repeats them for each element, at thousands of instructions each. Here
the rounds are a loop over vectors, one step for each round, which XLA does not fuse.
"""

from functools import partial
from typing import Any

import keras
import tensorflow as tf

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
INCREMENTS = (0x9E3779B9, 0xBB67AE85)
"""Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3": Philox4x32-10."""

Words = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
Key = tuple[tf.Tensor, tf.Tensor]


class Dropout(keras.layers.Dropout):  # type: ignore[misc]  # Keras has no types
    """A drop-in for :class:`keras.layers.Dropout`: a seed gives the same mask as the stock layer
    compiled by XLA."""

    __module__ = "keras.layers"  # the module that Keras saves for the class

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See :meth:`keras.layers.Dropout.call`."""
        if not training or not 0 < self.rate < 1 or inputs.dtype != tf.float32:
            return super().call(inputs, training=training)
        seed = tf.math.floormod(self.seed_generator.next(), tf.int32.max - 1)
        sizes = tf.unstack(tf.shape(inputs))
        if self.noise_shape is not None:
            asked = zip(self.noise_shape, sizes, strict=True)
            sizes = [size if wanted is None else wanted for wanted, size in asked]
        sampler = partial(uniform, tf.cast(seed, tf.int32))
        return tf.nn.experimental.general_dropout(inputs, self.rate, sampler, tf.stack(sizes))


def uniform(seed: tf.Tensor, shape: tf.Tensor, dtype: Any = tf.float32) -> tf.Tensor:
    """Return the values of ``tf.random.stateless_uniform(shape, seed, dtype=tf.float32)`` in XLA.

    Args:
        seed: int32 [2].
        dtype: float32.

    Returns:
        Values in [0, 1), each a multiple of 2 ** -23.
    """
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    size = tf.reduce_prod(shape)
    bits = tf.reshape(_philox(key[0], counter, (size + 3) // 4), [-1])[:size]
    one = tf.constant(0x3F800000, tf.uint32)
    mantissa = tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32))
    return tf.reshape(tf.bitcast(tf.bitwise.bitwise_or(mantissa, one), dtype) - 1, shape)


def _philox(key: tf.Tensor, counter: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Return four words for each of ``size`` counters from ``counter`` on: uint32 [size, 4].

    Args:
        key: uint64.
        counter: uint64 [2], the lower half first.
    """
    low = counter[0] + tf.cast(tf.range(size), tf.uint64)
    high = counter[1] + tf.cast(low < counter[0], tf.uint64)
    _, words, _ = tf.while_loop(
        lambda done, *_: done < ROUNDS,
        lambda done, words, key: (done + 1, _round(words, key), _raised(key)),
        (tf.constant(0), (*_halves(low), *_halves(high)), _halves(key)),
    )
    return tf.stack(words, axis=1)


def _round(words: Words, key: Key) -> Words:
    (low_0, high_0), (low_1, high_1) = (
        _halves(tf.cast(word, tf.uint64) * tf.constant(multiplier, tf.uint64))
        for word, multiplier in zip(words[::2], MULTIPLIERS, strict=True)
    )
    xor = tf.bitwise.bitwise_xor
    return (xor(xor(high_1, words[1]), key[0]), low_1, xor(xor(high_0, words[3]), key[1]), low_0)


def _raised(key: Key) -> Key:
    first, second = (
        part + tf.constant(by, tf.uint32) for part, by in zip(key, INCREMENTS, strict=True)
    )
    return first, second


def _halves(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the lower and the upper 32 bits of uint64."""
    upper = tf.bitwise.right_shift(number, tf.constant(32, tf.uint64))
    return tf.cast(number, tf.uint32), tf.cast(upper, tf.uint32)
