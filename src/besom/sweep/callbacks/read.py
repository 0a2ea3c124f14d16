"""Makes the callbacks that ``hydra.sweeper.callbacks`` names."""

from collections.abc import Iterator, Mapping
from typing import Any

from besom.app.modules.target import TARGET, make_object
from besom.common.errors import ConfigError
from besom.sweep.callbacks.base import Callback

KEY = "hydra.sweeper.callbacks"
EXAMPLE = "[{_target_: my_module.MyCallback}]"


def read_callbacks(given: Any) -> tuple[Callback, ...]:
    """Make the callbacks, in the order in which they are given.

    Args:
        given: a list of nodes with ``_target_``, or a mapping from names of the user's choice to
            such nodes; an entry that is null is left out.

    Raises:
        ConfigError: an entry does not make a callback; says which, and why.
    """
    return tuple(make_object(key, node, Callback) for key, node in _nodes(given))


def _nodes(given: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if given is None:
        return
    if not isinstance(given, list | Mapping) or (isinstance(given, Mapping) and TARGET in given):
        raise ConfigError(f"{KEY}={given}: give a list, such as {EXAMPLE}, or a mapping of names")
    named = enumerate(given) if isinstance(given, list) else given.items()
    for name, node in named:
        if node is None:
            continue
        if not isinstance(node, Mapping):
            raise ConfigError(f"{KEY}.{name}={node}: give its {TARGET}, such as {EXAMPLE}")
        yield f"{KEY}.{name}", node
