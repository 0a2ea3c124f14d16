"""Makes samplers, pruners and the objects inside them that a configuration names by dotted path.

As hydra-optuna-sweeper's files have it: ``{_target_: optuna.pruners.PatientPruner, patience: 3,
wrapped_pruner: {_target_: optuna.pruners.MedianPruner}}``. What is named is imported and called; a
configuration is trusted like the application that it belongs to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from besom.app.modules.target import TARGET, check_keywords, locate
from besom.common.errors import USERS_ERRORS, ConfigError, UserError

HYDRAS = (TARGET, "_recursive_", "_convert_")
"""Keys of a description that are no arguments; the last two say what is always so here."""
N_SEEDS = 2**32
STEADY = ("QMCSampler", "GridSampler")
"""Their seed orders points of which each has its number; it must be the same after a resume."""


@dataclass(frozen=True)
class ByPath:
    """A sampler or pruner as its configuration describes it.

    Attributes:
        place: where that stands: ``hydra.sweeper.sampler``.
        description: ``_target_`` and arguments; a mapping with a ``_target_`` among them is made
            likewise.
    """

    place: str
    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.description[TARGET])

    @property
    def written(self) -> str:
        """``hydra.sweeper.sampler._target_=my_samplers.Bandit``."""
        return f"{self.place}.{TARGET}={self.name}"

    def check(self) -> None:
        """Import the class, and look at its keywords alone.

        Raises:
            ConfigError: there is none of that name, or it takes no such keyword.
        """
        _read(self.place, self.description)

    def make(self, kind: type, n_existing: int = 0) -> Any:
        """The object.

        Args:
            kind: what it must be.
            n_existing: trials that the study already has; seeds move on by that many, so that a
                resume does not propose the first ones again.

        Raises:
            ConfigError: there is nothing of that name, it is called with other arguments, refuses
                one, or makes something else.
        """
        made = _make(self.place, self.description, n_existing)
        if not isinstance(made, kind):
            raise ConfigError(
                f"{self.written}: is no {self.place.rpartition('.')[2]}; name a "
                f"subclass of {kind.__module__.partition('._')[0]}.{kind.__name__}"
            )
        return made


def part(place: str, value: Any, n_existing: int) -> Any:
    """An argument; what has a ``_target_``, also inside a list, is made."""
    if isinstance(value, Mapping) and TARGET in value:
        return _make(place, value, n_existing)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [part(place, one, n_existing) for one in value]
    return value


def _read(
    place: str, description: Mapping[str, Any]
) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """What is called, and with what."""
    target = str(description[TARGET])
    function = locate(f"{place}.{TARGET}", target)
    given = {str(key): value for key, value in description.items() if key not in HYDRAS}
    check_keywords(place, target, function, given)
    return function, given


def _make(place: str, description: Mapping[str, Any], n_existing: int) -> Any:
    target = str(description[TARGET])
    function, given = _read(place, description)
    arguments = {key: part(f"{place}.{key}", value, n_existing) for key, value in given.items()}
    if isinstance(arguments.get("seed"), int) and target.rpartition(".")[2] not in STEADY:
        arguments["seed"] = moved(arguments["seed"], n_existing)
    try:
        return function(**arguments)
    except UserError:
        raise
    except USERS_ERRORS as error:
        raise ConfigError(
            f"{place}: {target} fails with {type(error).__name__}: {error}"
        ) from error


def moved(seed: int, n_existing: int) -> int:
    """The seed of a study that is gone on with after so many trials; as it is at the beginning."""
    return (seed + n_existing) % N_SEEDS if n_existing else seed
