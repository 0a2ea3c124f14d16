"""Locates the baseline in the search space.

Values are compared after OmegaConf's conversion: in a field of type ``str`` the choice 1 becomes
the text "1", and a member of an enumeration can be written in several ways. So each choice is put
into the configuration and compared there. Config groups are compared by their chosen options.
"""

import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import optuna
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf
from optuna.distributions import BaseDistribution, FloatDistribution

from besom.app.error_messages import ALREADY_THERE, already_there, is_no_integer
from besom.app.hooks import as_typed, task_config
from besom.app.job import JobRunner
from besom.common.errors import SpaceError
from besom.common.flatten import flatten, resolved
from besom.search.space.baseline import Base, changed
from besom.search.space.overlap import key_of, share_keys
from besom.search.space.space import Dimension, Scalar, Space, Suggest, same, spell

MOST_REASONS = 3
_ABSENT = object()


@dataclass(frozen=True)
class BaselineProposal:
    """The baseline as a proposal, or why it lies outside the space.

    Attributes:
        params: the values to propose. Empty if the baseline lies outside and runs as it is; None if
            it cannot run, because a value is missing.
        outside: the baseline's values of the searched keys, if it lies outside.
        reasons: why it lies outside.
    """

    params: dict[str, Any] | None
    outside: dict[str, Any] | None = None
    reasons: tuple[str, ...] = ()

    @property
    def point(self) -> dict[str, Any]:
        """The baseline's values of the searched keys, as far as they are known."""
        return {**(self.params or {}), **(self.outside or {})}

    @property
    def remark(self) -> str:
        """A sentence to show before the first trial; empty if the baseline lies inside."""
        if self.outside is None:
            return ""
        why = ", ".join(self.reasons[:MOST_REASONS])
        more = ", …" if len(self.reasons) > MOST_REASONS else ""
        return (
            f"The baseline lies outside the space ({why}{more}): its trial runs it as it is, and "
            "the sampler learns nothing from it."
        )


def propose_baseline(
    application: JobRunner,
    space: Space,
    base: Base,
    suggest: Suggest | None,
    check: Callable[[Mapping[str, Scalar], DictConfig], None],
) -> BaselineProposal:
    """Locate the baseline in the search space.

    Args:
        check: called with every proposal that reaches an end of one dimension, and with the
            configuration of that proposal.

    Raises:
        hydra.errors.HydraException: a value does not fit the configuration.
    """
    config = task_config(base.whole)
    params: dict[str, Any] = {}
    outside: dict[str, Any] = {}
    reasons: list[str] = []
    for dimension in space.dimensions:
        corners = {}
        for value in dimension.extremes():
            with _named(dimension):
                corners[value] = corner(application, space, base, config, {dimension.key: value})
            check({dimension.key: value}, corners[value])
        own = _own(dimension, application, base)
        for value in _candidates(dimension, own):
            if value not in corners:
                proposal = {dimension.key: value}
                corners[value] = corner(application, space, base, config, proposal)
            if _is_own(dimension, own, value, corners[value]):
                params[dimension.key] = value
                break
        else:
            reasons.append(_reason(dimension, own))
        if own is not _ABSENT:
            outside[dimension.key] = _plain(own)
    if base.lacking or any(_is_added(dimension, outside) for dimension in space.dimensions):
        return BaselineProposal(None)
    if reasons:
        return BaselineProposal({}, outside, tuple(reasons))
    return _with_suggested(space, base, params, suggest)


@contextmanager
def _named(dimension: Dimension) -> Iterator[None]:
    """Make two of Hydra's errors name the expression that the user wrote, not one of its values.

    One is about a ``+``, and the other about a fraction in the place of an integer.
    """
    try:
        yield
    except ConfigCompositionException as error:
        if re.match(ALREADY_THERE, str(error)):
            raise already_there(f"{dimension.element}={dimension.text}") from error
        if is_no_integer(error) and isinstance(dimension.distribution, FloatDistribution):
            raise SpaceError(_as_whole(dimension, dimension.distribution)) from error
        raise


def _as_whole(dimension: Dimension, fractions: FloatDistribution) -> str:
    """Return an error about fractions for an integer key, with the expressions to write instead."""
    low, high = math.ceil(fractions.low), math.floor(fractions.high)
    whole = f"int(interval({low},{high}))"
    ways = [f"tag(log,{whole})"] if fractions.log else [f"range({low},{high + 1})", whole]
    remedy = " or ".join(f"`{dimension.element}={way}`" for way in ways)
    if low >= high or fractions.step is not None:
        remedy = "a range whose start, stop and step are whole"
    return (
        f"`{dimension.element}={dimension.text}`: {dimension.key} must be an integer, and this has "
        f"fractions; write {remedy}"
    )


def _is_added(dimension: Dimension, outside: Mapping[str, Any]) -> bool:
    """Return whether only the search adds the key, as ``+key=…`` does, so the baseline lacks it."""
    is_added = dimension.element.startswith("+") or not dimension.is_group
    return is_added and dimension.key not in outside


def _candidates(dimension: Dimension, own: Any) -> Sequence[Scalar]:
    """Return the values of a dimension that may equal the baseline's."""
    if dimension.choices is not None:
        return dimension.choices
    try:
        number = float(own.value if isinstance(own, Enum) else own)
    except (TypeError, ValueError):
        return ()
    if not math.isfinite(number) or not dimension.contains(number):
        return ()
    return [dimension.as_proposed(number)]


def _is_own(dimension: Dimension, own: Any, value: Scalar, proposed: DictConfig) -> bool:
    if dimension.is_group:
        return bool(own == (value if value is None else str(value)))
    return same(own, _value(proposed, dimension.key))


def _own(dimension: Dimension, application: JobRunner, base: Base) -> Any:
    """Return the baseline's value, or of a group its option or options as text; or ``_ABSENT``."""
    if not dimension.is_group:
        return _value(base.whole, dimension.key)
    chosen = base.whole.hydra.runtime.choices
    if dimension.key in chosen:
        return chosen[dimension.key]
    options = _options(dimension, application, base.words)
    is_list = options or "[]" in (dimension.choices or ())
    return Override._get_value_element_as_str(options) if is_list else _ABSENT


def _options(dimension: Dimension, application: JobRunner, words: Sequence[str]) -> list[str]:
    """Return the options chosen for a group that takes a list; Hydra does not keep them."""
    hydra = application.master.hydra
    found = application.context.config_loader.compute_defaults_list(
        config_name=hydra.job.config_name,
        overrides=[*as_typed(hydra.overrides.hydra), *words],
        run_mode=RunMode.RUN,
    )
    group, _, package = dimension.key.partition("@")
    return [
        str(default.config_path).removeprefix(f"{group}/")
        for default in found.defaults
        if str(default.config_path).startswith(f"{group}/")
        and default.override_key is None
        and package in ("", default.package)
    ]


def _value(config: DictConfig, key: str) -> Any:
    """Return a key's resolved value, which may be null; ``_ABSENT`` if there is no such key."""
    found = OmegaConf.select(config, key, default=_ABSENT)
    return resolved(found) if isinstance(found, DictConfig | ListConfig) else found


def _plain(value: Any) -> Any:
    """Return a value in the form in which a study keeps it."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | dict):
        return spell(value)
    return value if isinstance(value, Scalar) else str(value)


def _reason(dimension: Dimension, own: Any) -> str:
    if own is _ABSENT:
        return f"{dimension.key} is not in the configuration"
    return f"{dimension.key}={'null' if own is None else _plain(own)} is outside {dimension.text}"


class _Answering(optuna.trial.FixedTrial):
    """A trial that answers each suggestion with the baseline's own value."""

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """Return the value of ``name``, which may be outside its range.

        Raises:
            ValueError: there is no value, or it is not one of the choices.
        """
        if name not in self._params:
            raise ValueError(f"{name} is not in the configuration")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # ranges are checked afterwards
            try:
                return super()._suggest(name, distribution)
            except ValueError as error:
                raise ValueError(_outside(name, self._params[name], distribution)) from error


def _outside(name: str, value: Any, distribution: BaseDistribution) -> str:
    known = Dimension(name, name, "", distribution, spellings={}).describe()
    return f"{name}={'null' if value is None else value} is outside {known}"


def _with_suggested(
    space: Space, base: Base, params: dict[str, Any], suggest: Suggest | None
) -> BaselineProposal:
    """Locate the baseline also in the parameters that ``custom_search_space`` adds.

    The function is called with a trial that answers from the baseline's configuration.
    """
    if suggest is None:
        return BaselineProposal(params)
    known = {**base.whole.hydra.runtime.choices, **flatten(task_config(base.whole)), **params}
    trial = _Answering(known)
    try:
        for dimension in space.dimensions:  # asked before ``suggest``, as in Study.ask
            trial._suggest(dimension.key, dimension.distribution)
        suggest(trial)
    except ValueError as error:  # the key is missing, or its value is not one of the choices
        return BaselineProposal({}, params, (str(error),))
    beyond = {
        key: _outside(key, trial.params[key], distribution)
        for key, distribution in trial.distributions.items()
        if not distribution._contains(distribution.to_internal_repr(trial.params[key]))
    }
    if beyond:
        return BaselineProposal({}, dict(trial.params), tuple(beyond.values()))
    return BaselineProposal(dict(trial.params))


def corner(
    application: JobRunner,
    space: Space,
    base: Base,
    config: DictConfig,
    proposal: Mapping[str, Scalar],
) -> DictConfig:
    """Return the baseline's configuration with a proposal, such as one value of the space.

    Args:
        config: the baseline as the task sees it.
    """
    searched = [dimension for dimension in space.dimensions if dimension.key in proposal]
    groups = {d.key: d.element for d in searched if d.is_group}
    chosen = base.whole.hydra.runtime.choices
    if all(groups.get(key) == key and chosen.get(key) == value for key, value in proposal.items()):
        return config  # a composition takes 60 ms
    later = [(one.key, key_of(w)) for one in searched for w in space.overrides[one.n_before :]]
    if any(share_keys(key, other) for key, other in later):
        return task_config(application.compose(space.propose({**base.params, **proposal})))
    others = {key: value for key, value in base.params.items() if key not in proposal}
    written = [space.word(key, value) for key, value in proposal.items()]
    return changed(application, config, space.propose(others), written, proposal.keys() - groups)
