"""Makes the objects that a configuration names with ``_target_``."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from besom.app.modules.reference import search_working_folder
from besom.common.errors import USERS_ERRORS, ConfigError, UserError
from besom.common.suggest import did_you_mean, listed

TARGET = "_target_"

Made = TypeVar("Made")


def make_object(key: str, node: Mapping[str, Any], kind: type[Made]) -> Made:
    """Call what ``_target_`` names with the other keys, and return the object.

    Args:
        key: the node's place in the configuration.
        node: plain values, without interpolations.
        kind: the class that the object must be an instance of.

    Raises:
        ConfigError: it cannot be imported, is of another class, has no such keyword, or refuses
            its arguments.
    """
    path = node.get(TARGET)
    if not isinstance(path, str):
        raise ConfigError(f"{key}: has no {TARGET}; give the dotted path of a class")
    found = locate(f"{key}.{TARGET}", path)
    if isinstance(found, type) and not issubclass(found, kind):
        raise _another(key, path, kind)
    arguments = {str(name): value for name, value in node.items() if name != TARGET}
    check_keywords(key, path, found, arguments)
    try:
        made = found(**arguments)
    except UserError as error:
        raise ConfigError(f"{key}: {error}") from error
    except USERS_ERRORS as error:
        raise ConfigError(f"{key}: {path} fails with {type(error).__name__}: {error}") from error
    if not isinstance(made, kind):
        raise _another(key, path, kind)
    return made


def locate(key: str, path: str) -> Callable[..., Any]:
    """Return the class or function with this dotted path, also from the working folder.

    Raises:
        ConfigError: there is none, or its module cannot be imported. The message suggests the
            nearest name.
    """
    module, _, name = path.rpartition(".")
    if not module:
        raise ConfigError(f"{key}={path}: give a dotted path, such as my_package.my_module.{path}")
    search_working_folder()
    try:
        home = import_module(module)
    except USERS_ERRORS as error:
        reason = (
            str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        )
        raise ConfigError(f"{key}={path}: cannot be imported: {reason}") from error
    found = getattr(home, name, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    classes = [one for one in dir(home) if isinstance(getattr(home, one, None), type)]
    raise ConfigError(
        f"{key}={path}: {module} has no class {name}; "
        f"{did_you_mean(name, classes, f'it has {listed(classes)}')}"
    )


def _another(key: str, path: str, kind: type[Any]) -> ConfigError:
    return ConfigError(f"{key}.{TARGET}={path}: is no {_public_name(kind)}")


def _public_name(kind: type[Any]) -> str:
    package = kind.__module__.partition(".")[0]
    return f"{package}.{kind.__name__}"


def check_keywords(
    key: str, path: str, found: Callable[..., Any], given: Mapping[str, object]
) -> None:
    """Check keywords against a signature.

    Raises:
        ConfigError: a keyword is unknown, or one without a default was not given.
    """
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # written in C: the call itself reports wrong keywords
        return
    named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    known = [one.name for one in named]
    is_open = any(one.kind is one.VAR_KEYWORD for one in parameters)
    for name in given if not is_open else ():
        if name not in known:
            hint = did_you_mean(name, known, f"it takes {listed(known)}")
            raise ConfigError(f"{key}.{name}: {path} has no such keyword; {hint}")
    if lacking := [one.name for one in named if one.default is one.empty and one.name not in given]:
        raise ConfigError(f"{key}.{lacking[0]}: {path} needs it; it has no default")
