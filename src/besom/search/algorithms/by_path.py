"""Makes samplers and pruners that a configuration names by dotted path, and the objects in them.

The form is that of hydra-optuna-sweeper's files: ``{_target_: optuna.pruners.PatientPruner,
patience: 3, wrapped_pruner: {_target_: optuna.pruners.MedianPruner}}``. The named class is imported
and called: a configuration is trusted like the application that it belongs to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from besom.app.modules.target import TARGET, check_keywords, locate
from besom.common.errors import USERS_ERRORS, ConfigError, UserError

HYDRAS = (TARGET, "_recursive_", "_convert_")
"""Keys of a description that are not arguments. The last two are ignored: nested objects are always
made, and their arguments are always plain values."""
N_SEEDS = 2**32
STEADY = ("QMCSampler", "GridSampler")
"""Samplers whose seed must stay the same after a resume: it fixes the order of numbered points."""


@dataclass(frozen=True)
class ByPath:
    """A sampler or pruner that its configuration names by dotted path.

    Attributes:
        place: the key of that configuration: ``hydra.sweeper.sampler``.
        description: ``_target_`` and the arguments. An argument that is a mapping with a
            ``_target_`` becomes an object in the same way.
    """

    place: str
    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.description[TARGET])

    @property
    def written(self) -> str:
        """The choice as an override: ``hydra.sweeper.sampler._target_=my_samplers.Bandit``."""
        return f"{self.place}.{TARGET}={self.name}"

    def check(self) -> None:
        """Import the class and check the names of its arguments, without calling it.

        Raises:
            ConfigError: there is no class of that name, or it does not take one of the arguments.
        """
        _read(self.place, self.description)

    def make(self, kind: type, n_existing: int = 0) -> Any:
        """Return the object.

        Args:
            kind: the class that it must be an instance of.
            n_existing: the number of trials that the study already has. It is added to seeds, so
                that a resume does not propose the first trials again.

        Raises:
            ConfigError: there is nothing of that name, it does not take or refuses an argument, or
                the result is not a ``kind``.
        """
        made = _make(self.place, self.description, n_existing)
        if not isinstance(made, kind):
            raise ConfigError(
                f"{self.written}: is no {self.place.rpartition('.')[2]}; name a "
                f"subclass of {kind.__module__.partition('._')[0]}.{kind.__name__}"
            )
        return made


def part(place: str, value: Any, n_existing: int) -> Any:
    """Return an argument; a mapping with a ``_target_``, also in a list, becomes an object."""
    if isinstance(value, Mapping) and TARGET in value:
        return _make(place, value, n_existing)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [part(place, one, n_existing) for one in value]
    return value


def _read(
    place: str, description: Mapping[str, Any]
) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """Return the function or class to call, and its arguments."""
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
    """Return the seed for a study that is resumed after ``n_existing`` trials; unchanged for 0."""
    return (seed + n_existing) % N_SEEDS if n_existing else seed
