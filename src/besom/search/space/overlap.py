"""Searched keys of which one lies inside another, so that a later value replaces an earlier one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from besom.common.errors import SpaceError


def refuse_overlap(words: Iterable[str]) -> None:
    """Refuse values of which one sets what another sets too.

    A mapping is merged into the one that is there: it sets only the keys that it has.

    Args:
        words: overrides of searched keys, of no config groups.

    Raises:
        SpaceError: names both keys.
    """
    keyed = [(word.partition("=")[0].lstrip("+"), word) for word in words]
    keys = {key for key, _ in keyed}
    for key, word in keyed:
        inner = [other for other in keys if other.startswith(f"{key}.")]
        if not inner:
            continue
        [override] = OverridesParser.create().parse_overrides([word])
        for other in sorted(inner):
            if _sets(override.value(), other.removeprefix(f"{key}.").split(".")):
                raise SpaceError(
                    f"`{other}` lies inside `{key}`, and a trial would have the value of one "
                    "alone; search one of them."
                )


def _sets(value: Any, path: Sequence[str]) -> bool:
    """Whether ``value``, given to a key, sets what lies under ``path`` below it."""
    if not path or not isinstance(value, Mapping):
        return True
    parts = {str(key): part for key, part in value.items()}
    return path[0] in parts and _sets(parts[path[0]], path[1:])
