"""Builds the user's own network: ``model.build=my_package.models:build`` names a function.

It is called with the whole configuration, the number of tokens and the number of classes::

    def build(config, vocab_size, n_classes):
        tokens = keras.Input((config.data.max_length,), dtype="int32")
        x = keras.layers.Embedding(vocab_size, config.model.width)(tokens)
        x = keras.layers.GlobalAveragePooling1D()(x)
        if n_classes == 2:
            answer = keras.layers.Dense(1, activation="sigmoid")(x)
        else:
            answer = keras.layers.Dense(n_classes, activation="softmax")(x)
        return keras.Model(tokens, answer)

The returned model is checked before it is trained. Loss, optimizer and metrics are Besom's.
"""

import inspect
import json
import logging
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from besom.app.hooks import call_users_own
from besom.app.modules.reference import Reference
from besom.common.errors import ConfigError
from besom.rnn.data.corpus import PADDING, START

if TYPE_CHECKING:
    import keras

KEY = "model.build"
LAMBDA = "__lambda__"
"""Keras' class name for a function without a name."""
ARGUMENTS = ("config", "vocab_size", "n_classes")
OUTSIDE = re.compile(r"indices\[[^]]*\] = (-?\d+) is not in \[0, (\d+)\)")
"""TensorFlow's error on a CPU for a row that a table does not have. XLA and a GPU use another row
instead, without an error."""

log = logging.getLogger(__name__)
warn_once = lru_cache(log.warning)


def check_own(build: str) -> None:
    """Refuse a function that does not exist. Imports neither its module nor TensorFlow.

    Raises:
        ConfigError: see :meth:`besom.app.modules.reference.Reference.check`.
    """
    Reference.read(KEY, build).check()


def build_own(config: DictConfig, n_classes: int) -> "keras.Model":
    """Build the function's network over tokens, int32 [n, max_length]; it is not compiled.

    Raises:
        ConfigError: there is no such function, or its model cannot be trained and saved.
        Exception: whatever the function raises.
    """
    reference = Reference.read(KEY, config.model.build)
    function = reference.load()
    arguments = (config, config.data.vocab_size, n_classes)
    _check_signature(reference, function, arguments)
    made = call_users_own(function, *arguments)
    _check_input(reference, made, config.data.max_length)
    model = _over_tokens(made, config.data.max_length)
    _check_output(reference, model, n_classes)
    _check_saved(reference, model)
    _check_rows(reference, model, config.data.vocab_size, config.data.max_length)
    if made.compiled:
        warn_once("`%s`: its compile() is not used; training.* says how it is trained", reference)
    return model


def made_of(config: DictConfig) -> str | None:
    """Return the configuration that made a model of the user's own; None for ``build_model``'s.

    It tells apart models with equal saved configurations: what a layer takes from its surroundings
    is not saved. The function gets the whole configuration, which includes NumPy's seed.
    """
    if config.model.get("build") is None:
        return None
    given: Any = OmegaConf.to_container(config, resolve=True)
    return json.dumps({key: given[key] for key in given if key != "tracking"}, default=str)


def _check_signature(
    reference: Reference, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have no signature
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        wanted = ", ".join(ARGUMENTS)
        raise ConfigError(
            f"`{reference}` takes {signature}; Besom calls it with ({wanted})"
        ) from error


def _check_input(reference: Reference, made: Any, max_length: int) -> None:
    """Refuse a model that cannot read tokens. An unbuilt model accepts any input."""
    import keras

    if not isinstance(made, keras.Model):
        raise ConfigError(f"`{reference}` returned {_shown(made)}; return a keras.Model")
    given = getattr(made, "inputs", None)
    if not given:
        return
    remedy = 'begin with keras.Input((config.data.max_length,), dtype="int32")'
    if len(given) > 1:
        raise ConfigError(f"`{reference}` has {len(given)} inputs; a text is one: {remedy}")
    shape, dtype = tuple(given[0].shape), given[0].dtype
    if shape not in ((None, max_length), (None, None)) or not dtype.startswith(("int", "uint")):
        raise ConfigError(
            f"`{reference}` reads {dtype} {_dimensions(shape)}, not the tokens of a text, int32 "
            f"[n, {max_length}]; {remedy}"
        )


def _over_tokens(made: "keras.Model", max_length: int) -> "keras.Model":
    """Return the same layers over our own input, of known size and type, not compiled."""
    import keras

    tokens = keras.Input((max_length,), dtype="int32", name="tokens")
    if isinstance(made, keras.Sequential):
        answer = tokens
        for layer in made.layers:
            answer = layer(answer)
    elif getattr(made, "inputs", None):
        given = keras.tree.map_structure(lambda _: tokens, made.input)
        answer = keras.models.clone_model(made, given, lambda layer: layer).output
    else:
        answer = made(tokens)
    return keras.Model(tokens, answer, name=made.name)


def _check_output(reference: Reference, model: "keras.Model", n_classes: int) -> None:
    import keras

    width = 1 if n_classes == 2 else n_classes
    activation = "sigmoid" if n_classes == 2 else "softmax"
    remedy = f'end with Dense({width}, activation="{activation}") for {n_classes} classes'
    if len(model.outputs) > 1:
        raise ConfigError(f"`{reference}` has {len(model.outputs)} outputs; {remedy}")
    [answer] = model.outputs
    if tuple(answer.shape) != (None, width):
        raise ConfigError(f"`{reference}` gives {_dimensions(answer.shape)}; {remedy}")
    last = answer._keras_history.operation
    if isinstance(last, keras.layers.Dense) and last.activation is keras.activations.linear:
        raise ConfigError(f"`{reference}` gives logits, no probabilities; {remedy}")


def _check_saved(reference: Reference, model: "keras.Model") -> None:
    """Refuse a model that cannot be saved; warn of one that cannot be loaded again."""
    import keras

    try:
        saved = json.loads(model.to_json())
    except Exception as error:  # whatever a layer's get_config raises
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigError(
            f"`{reference}` cannot be saved: {reason}\n"
            "Give the layer a get_config that returns all arguments of its __init__."
        ) from error
    registered = keras.saving.get_registered_object
    for name in sorted(name for name in foreign(saved) if registered(name) is None):
        remedy = "write @keras.saving.register_keras_serializable() above the class"
        if name == LAMBDA:
            remedy = "Keras' safe mode loads no code; write a layer of your own"
        warn_once("`%s`: its saved model cannot be loaded, for %s: %s", reference, name, remedy)


def _check_rows(
    reference: Reference, model: "keras.Model", vocab_size: int, max_length: int
) -> None:
    """Refuse a table with too few rows, such as an Embedding's, anywhere in the network.

    The network is called on a CPU, where TensorFlow checks each row, with the largest token and
    with padding. It does not change: a scope catches its assignments.
    """
    import keras
    import tensorflow as tf

    tokens = np.full((2, max_length), vocab_size - 1, np.int32)
    tokens[1] = [PADDING] * (max_length - 1) + [START]
    try:
        with keras.device("cpu"), keras.StatelessScope():
            model(tf.constant(tokens), training=False)
    except tf.errors.InvalidArgumentError as error:
        found = OUTSIDE.search(str(error))
        if found is None:
            raise
        row, n_rows = int(found[1]), int(found[2])
        table = _table_of(model, n_rows)
        asked = f"is asked for row {row}; give it more rows, or correct its input"
        if row == vocab_size - 1:
            asked = (
                f"the tokens of `data.vocab_size={vocab_size}` go to {row}; make it of vocab_size "
                "rows, which the function is given"
            )
        raise ConfigError(f"`{reference}`: {table} has {n_rows} rows, and {asked}") from error


def _table_of(model: "keras.Model", n_rows: int) -> str:
    """Return a message's name of the first Embedding with this number of rows."""
    for weight in model.weights:
        layer, _, name = weight.path.rpartition("/")
        if name == "embeddings" and weight.shape[0] == n_rows:
            return f"the Embedding `{layer}`"
    return "a table"


def foreign(saved: Any) -> set[str]:
    """Return the names under which a saved configuration refers to objects outside Keras."""
    parts = saved.values() if isinstance(saved, dict) else saved
    found: set[str] = set()
    if isinstance(saved, dict | list):
        found = found.union(*map(foreign, parts))
    if isinstance(saved, dict) and "class_name" in saved:
        home = str(saved.get("module") or "keras").partition(".")[0]
        if saved["class_name"] == LAMBDA:
            found.add(LAMBDA)
        elif home not in ("keras", "builtins"):
            found.add(saved.get("registered_name") or saved["class_name"])
    return found


def _dimensions(shape: Any) -> str:
    """Return a shape as documentation writes it: ``[n, 100]``."""
    sizes = ["n" if place == 0 else str(size or "any") for place, size in enumerate(shape)]
    return f"[{', '.join(sizes)}]"


def _shown(made: Any) -> str:
    return "None" if made is None else f"a {type(made).__name__}"
