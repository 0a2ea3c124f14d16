"""Warnings about sampler options that have no effect in a sweep."""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import CategoricalDistribution

from besom.common.text import few
from besom.search.space.space import Dimension


def unguided(options: Any, dimensions: Sequence[Dimension]) -> str:
    """Return one line about the parameters that the sampler draws at random; empty if none."""
    if options.name not in ("cmaes", "qmc"):
        return ""
    searched = [d for d in dimensions if not d.distribution.single()]
    others = [d.key for d in searched if isinstance(d.distribution, CategoricalDistribution)]
    name = f"hydra/sweeper/sampler={options.name}"
    if options.name == "cmaes" and len(searched) - len(others) < 2:
        return f"{name} draws everything at random: it needs two numbers or more to search."
    return f"{name} searches numbers alone, and draws {few(others)} at random." if others else ""


def unconstrained(options: Any, constraints: Mapping[str, Any] | None) -> str:
    """Return one line if the sampler ignores the constraints; empty if it does not."""
    if options.name != "cmaes" or not constraints:
        return ""
    return (
        "hydra/sweeper/sampler=cmaes learns nothing from hydra.sweeper.constraints: a trial "
        "that violates them is never the best, but the sampler does not avoid such trials."
    )
