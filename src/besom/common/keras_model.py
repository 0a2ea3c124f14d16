"""Describes a saved Keras model that a task hands over: its file, inputs and outputs."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from besom.common.text import named, storable, whole


@dataclass(frozen=True)
class TensorSpec:
    """The shape and type of one input or output of a model.

    Args:
        shape: the sizes; ``None`` is the free batch dimension.
        dtype: the type, as NumPy names it.

    Examples:
        >>> besom.TensorSpec((None, 100), "int32")
        TensorSpec(shape=(None, 100), dtype='int32')
    """

    shape: tuple[int | None, ...]
    dtype: str


Tensors = TensorSpec | Mapping[str, TensorSpec] | None
"""The inputs or the outputs of a model: one tensor, several by name, or None if not known."""


@dataclass(frozen=True)
class KerasModel:
    """A saved ``.keras`` file with its inputs and outputs, known without loading it.

    Args:
        path: the file.
        inputs: one tensor, or a mapping of names to several; None where they are not known. MLflow
            then does not check the model's inputs.
        outputs: the same for the outputs.

    Examples:
        >>> tokens = besom.TensorSpec((None, 100), "int32")
        >>> score = besom.TensorSpec((None, 1), "float32")
        >>> model = besom.KerasModel(Path("model.keras"), tokens, score)
    """

    path: Path
    inputs: Tensors
    outputs: Tensors


def check_keras(model: object) -> None:
    """Raise TypeError where ``model`` is no Keras model.

    Keras is not imported for this: where it is not loaded, there can be no model of it.
    """
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model):
        raise TypeError(
            f"a model of type {type(model).__name__} cannot be kept: give one of Keras, or "
            "besom.KerasModel; besom.save keeps files of other libraries"
        )


def checked(model: KerasModel) -> KerasModel:
    """Return the same model description in Python's own types.

    Raises:
        TypeError, ValueError: a shape is not valid, or a type is not one of NumPy's.
    """
    return replace(model, inputs=_tensors(model.inputs), outputs=_tensors(model.outputs))


def _tensors(side: Tensors) -> Tensors:
    if side is None or isinstance(side, TensorSpec):
        return side and _spec(side)
    return named((storable(name), _spec(spec)) for name, spec in side.items())


def _spec(spec: TensorSpec) -> TensorSpec:
    import numpy

    shape = tuple(None if size is None else whole("shape", size) for size in spec.shape)
    dtype = storable(spec.dtype)
    try:
        numpy.dtype(dtype)
    except TypeError:
        raise ValueError(f"dtype={dtype!r} is no type of NumPy's; float32 is one, say") from None
    return TensorSpec(shape, dtype)
