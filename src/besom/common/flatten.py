"""A nested configuration as flat parameters under dotted names."""

from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf


def flatten(config: DictConfig, resolve: bool = True) -> dict[str, Any]:
    """``{"model": {"units": 32}}`` as ``{"model.units": 32}``; lists stay whole.

    Members of an enumeration become their names. Values that are missing (``???``) are left out.
    Of two keys that would have one name, the second gets a prime.
    """
    tree = OmegaConf.to_container(config, resolve=resolve, throw_on_missing=False, enum_to_str=True)
    assert isinstance(tree, dict)
    flat: dict[str, Any] = {}
    for name, value in _leaves(tree, prefix=""):
        while name in flat:  # `a.b` beside `a: {b: …}`, or 1 beside "1"
            name += "'"
        flat[name] = value
    return flat


def _leaves(tree: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, prefix=f"{name}.")
        elif value != "???":
            yield name, value
