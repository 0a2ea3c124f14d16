"""Points that another program has enqueued, and what of them no trial can have."""

from collections.abc import Mapping

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

FIXED = "fixed_params"
"""The attribute under which Optuna keeps the values of a point."""


def unfit(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> list[str]:
    """The values of its point that are of another kind than their parameter, such as text for a
    number: Optuna raises on them. Numbers beyond a range it only warns of, and runs."""
    point = trial.system_attrs.get(FIXED, {})
    return [
        f"{key}={value!r}"
        for key, value in point.items()
        if key in space and not _is_fit(value, space[key])
    ]


def _is_fit(value: object, distribution: BaseDistribution) -> bool:
    try:
        distribution.to_internal_repr(value)
    except ValueError:
        return False
    return True
