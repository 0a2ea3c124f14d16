"""Wraps the user's code that a configuration names and that the supervisor calls in a sweep."""

import functools
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from besom.app.hooks import entries, package_of
from besom.common.addresses import mask
from besom.common.errors import USERS_ERRORS, BesomError, CodeError, one_line

NOT_OWN = ("besom", "optuna")


@contextmanager
def naming(named: str) -> Iterator[None]:
    """Report an error inside the block as one of ``named``, with the user's traceback frames.

    Args:
        named: as in the configuration: ``hydra.sweeper.sampler._target_=my_samplers.Bandit``.

    Raises:
        CodeError: the user's own code has failed. Errors of Besom and Optuna pass unchanged.
    """
    try:
        yield
    except BesomError:
        raise
    except USERS_ERRORS as error:
        own = (entry for entry in entries(error.__traceback__) if package_of(entry) not in NOT_OWN)
        if (first := next(own, None)) is None:
            raise
        frames = mask("".join(traceback.format_exception(type(error), error, first)).rstrip())
        said = f"{named}: {one_line(error)}\nCorrect it; the same command resumes the sweep."
        raise CodeError(said, frames) from error


def named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``function`` so that it is called inside :func:`naming`."""

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        with naming(name):
            return function(*arguments, **keywords)

    return call
