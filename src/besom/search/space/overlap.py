"""Refuses a search that would have no effect beside another override.

Hydra applies overrides in their order. A value replaces what an earlier override has set, and a
mapping is merged into it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pprint import saferepr
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from besom.common.errors import SpaceError


def key_of(word: str) -> str:
    """Return the key that an override sets, or the config group with its package."""
    return word.partition("=")[0].lstrip("+~")


def share_keys(one: str, other: str) -> bool:
    """Return whether two keys are equal, or one lies inside the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def refuse_overlap(words: Iterable[str]) -> None:
    """Refuse two searched keys if a value of one sets the other key too.

    A mapping is merged into the one in the configuration, so it sets only the keys that it has.

    Args:
        words: overrides of searched keys, those that choose an option of a config group excluded.

    Raises:
        SpaceError: two keys overlap; names both.
    """
    keyed = [(key_of(word), word) for word in words]
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
    """Return whether ``value``, given to a key, sets the entry at ``path`` below that key."""
    if not path or not isinstance(value, Mapping):
        return True
    parts = {str(key): part for key, part in value.items()}
    return path[0] in parts and _sets(parts[path[0]], path[1:])


def refuse_equal(search: str, words: Sequence[str], later: Sequence[Override]) -> None:
    """Refuse a search if a later override makes two of its values equal.

    Args:
        search: the search as the user wrote it.
        words: an override for each of its values.
        later: the overrides after it, in order.

    Raises:
        SpaceError: names both overrides and two values.
    """
    if not later:
        return
    trees = [OmegaConf.create({}) for _ in words]
    values = OverridesParser.create().parse_overrides([*words])
    for tree, value in zip(trees, values, strict=True):
        _apply(value, tree)
    for override in later:
        seen: dict[str, str] = {}
        for tree, word in zip(trees, words, strict=True):
            _apply(override, tree)
            former = seen.setdefault(saferepr(OmegaConf.to_container(tree)), word)
            if former != word:
                raise SpaceError(
                    f"`{override.input_line}` comes after `{search}`, and makes `{former}` and "
                    f"`{word}` the same; leave one out."
                )


def _apply(override: Override, config: DictConfig) -> None:
    """Do with ``config`` what Hydra does, but add the keys that it lacks."""
    key = override.key_or_group
    with suppress(OmegaConfBaseException, AssertionError, ValueError):  # Hydra says it of a trial
        if not override.is_delete():
            OmegaConf.update(config, key, override.value(), force_add=True)
            return
        parent, _, name = key.rpartition(".")
        holder = OmegaConf.select(config, parent) if parent else config
        if isinstance(holder, DictConfig):
            holder.pop(name, None)
