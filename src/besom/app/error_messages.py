"""Shortens the errors of Hydra and OmegaConf to one line each.

Every message names the value and the limit or the remedy. Hydra's exceptions carry most of that
only as text, so the translations below parse text. An unknown error keeps its own first line. The
tests check each translation against the installed Hydra.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import MarkedYAMLError, YAMLError

from besom.common.errors import ConfigError
from besom.common.suggest import did_you_mean, listed

HYDRA_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
"""The errors that Hydra raises over a mistake in a command line or a configuration file."""

SEARCHED = "choice(a,b,…), range(start,stop,step=s) or interval(low,high)"
"""How Hydra's grammar writes a search space."""

ALREADY_THERE = r"\s*Could not append to config.*\s+Either remove \+ prefix: '(.*)'"
"""Hydra's message about ``+key=value`` where the configuration has the key."""

TYPES = {"Integer": "an integer", "Float": "a number", "Path": "a path"}

# Search-space functions of other libraries, and how Hydra writes what they mean.
_HYDRAS = (
    "choice",
    "range",
    "interval",
    "tag",
    "int",
    "float",
    "str",
    "bool",
    "sort",
    "shuffle",
)
_BETWEEN = "interval({},{})"
_LOG = "tag(log,interval({},{}))"
_WHOLE = "int(interval({},{}))"
_WHOLE_LOG = "tag(log,int(interval({},{})))"
_STEPS = "range({},{},step={})"
_ONE_OF = "choice({})"
_MEANT = {
    _BETWEEN: "uniform float floatuniform uniformfloat real between",
    _LOG: "loguniform logfloat loginterval reciprocal loguniformvalues logspace log",
    _WHOLE: "randint intuniform uniformint integer",
    _WHOLE_LOG: "lograndint intloguniform loguniformint logint logrange",
    _STEPS: "quniform qrange discreteuniform qrandint linspace arange step",
    _ONE_OF: "categorical choices options oneof grid gridsearch sample select",
}
_BY_NAME = {name: meant for meant, names in _MEANT.items() for name in names.split()}


def config_error(error: Exception) -> ConfigError:
    """Return ``error``, one of :data:`HYDRA_ERRORS`, as an error of one or two plain lines."""
    match error:
        case OverrideParseException():
            return ConfigError(_unreadable(error))
        case MissingConfigException(missing_cfg_file=str()):
            return ConfigError(_missing_file(error))
        case ConfigCompositionException():
            return ConfigError(_composition(error))
        case MarkedYAMLError() if error.problem_mark:
            mark = error.problem_mark
            return ConfigError(f"{mark.name}, line {mark.line + 1}: not YAML: {error.problem}")
        case InterpolationResolutionError():
            return ConfigError(_unresolved(error))
        case ConfigAttributeError() | ConfigKeyError() if error.full_key:
            return _unknown(error.full_key, error)
        case OmegaConfBaseException() if error.full_key:
            return ConfigError(f"`{error.full_key}`: {_head(error)}")
    return ConfigError(_head(error))


def unknown_key(key: str, config: DictConfig) -> ConfigError:
    """Return the error for a key that ``config``, the whole configuration, does not have."""
    if "/" in key:
        return ConfigError(f"no config group `{key}`; --info defaults shows the groups")
    known = _keys_beside(key, config)
    parent = key.rpartition(".")[0]
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == parent]
    shown = f"{parent} has {listed(beside)}" if parent and beside else "--cfg job shows every key"
    return ConfigError(f"no key `{key}`; {did_you_mean(key, known, shown)}")


def already_there(override: str) -> ConfigError:
    """Return the error for ``+key=value`` where the configuration has the key."""
    return ConfigError(f"`{override}`: the key is there already; write `{override[1:]}`")


def unknown_option(group: str, option: object, options: list[str]) -> ConfigError:
    """Return the error for ``group=option`` where the group has only ``options``."""
    hint = did_you_mean(str(option), options, f"{group} can be {listed(options)}")
    return ConfigError(f"`{group}={option}`: no such option; {hint}")


def wrong_value(override: str, cause: ValidationError) -> ConfigError:
    """Return the error for ``key=value`` whose value is of the wrong type."""
    return ConfigError(f"`{override}`: {_reason(_head(cause))}")


def is_no_integer(error: Exception) -> bool:
    """Return whether a value was refused because its key must be an integer."""
    return "could not be converted to Integer" in str(error.__cause__ or error.__context__)


def required_group(error: Exception) -> str:
    """Return the config group of which an option must be chosen; empty for any other ``error``."""
    found = re.match(r"You must specify '(.*?)'", str(error))
    return found[1] if found else ""


def _reason(text: str) -> str:
    if wanted := re.search(r"could not be converted to (\w+)", text):
        return f"not {TYPES.get(wanted[1], wanted[1])}"
    if "is not a valid bool" in text:
        return "neither true nor false"
    if wanted := re.search(r"expected one of \[(.*)\]", text):
        return f"must be one of {wanted[1]}"
    if "is not a subclass of" in text:
        return "it is a group of keys; give them one by one"
    if "is not Optional" in text:
        return "null is no value for it"
    return text


def _unreadable(error: OverrideParseException) -> str:
    if "missing EQUAL" in error.message:
        return f"`{error.override}` is no override; write KEY=VALUE, without spaces around ="
    if (cause := error.__cause__) and (unknown := re.match("Unknown function '(.*)'", str(cause))):
        if known := _meant(unknown[1], str(error.override)):
            return f"`{error.override}`: no function `{unknown[1]}`; did you mean `{known}`?"
        return (
            f"`{error.override}`: no function `{unknown[1]}`; write {SEARCHED},\n"
            "and a text with parentheses into two kinds of quotes: 'key=\"a(b)\"'"
        )
    if cause:
        is_space = re.search(r"\b(choice|range|interval)\(", str(error.override))
        how = f"{SEARCHED}; on a log scale tag(log,interval(low,high))"
        return f"`{error.override}`: {_head(cause)}" + (f"\nwrite {how}" if is_space else "")
    reason = _head(error).removeprefix("LexerNoViableAltException: ")
    return (
        f"`{error.override}` cannot be read as KEY=VALUE: {reason}\n"
        "put a value with special characters into two kinds of quotes: 'key=\"a, b\"'"
    )


def _meant(name: str, override: str) -> str:
    """Return what ``override`` means by its function ``name``, as Hydra writes it; else empty."""
    plain = name.lower().replace("_", "").removeprefix("suggest")
    near = get_close_matches(plain, [*_BY_NAME, *_HYDRAS], n=1, cutoff=0.75)
    if not near:
        return ""
    if near[0] in _HYDRAS and near[0] not in _BY_NAME:
        return override.replace(f"{name}(", f"{near[0]}(")
    pattern = _BY_NAME[near[0]]
    call = re.search(rf"\b{name}\(([^()]*)\)", override)
    given = [part.rpartition("=")[2].strip() for part in call[1].split(",")] if call else []
    if pattern == _ONE_OF and call:
        return override.replace(call[0], _ONE_OF.format(call[1].strip("[] ")))
    if not call or len(given) != pattern.count("{}"):
        return pattern.format(*("low", "high", "s")[: pattern.count("{}")])
    return override.replace(call[0], pattern.format(*given))


def _missing_file(error: MissingConfigException) -> str:
    name = str(error.missing_cfg_file)
    group, _, option = name.rpartition("/")
    if error.options:
        return str(unknown_option(group, option, list(error.options)))
    if "primary config" in str(error):
        folders = [Path(found) for found in re.findall(r"path=file://(.+)", str(error))]
        known = [file.stem for folder in folders for file in folder.glob("*.yaml")]
        return (
            f"no configuration `{name}`; {did_you_mean(name, known, f'there are {listed(known)}')}"
        )
    return f"{_head(error)} (no file {name}.yaml in the config search path)"


def _composition(error: ConfigCompositionException) -> str:
    text, cause = str(error), error.__cause__ or error.__context__
    if group := required_group(error):
        options = text.partition("Available options:")[2].split()
        return f"no option of `{group}` is chosen; give {group}=…, which can be {listed(options)}"
    if several := re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.*)'", text):
        return (
            f"`{several[1]}` asks for several runs: use `besom sweep`, or `besom train -m`;\n"
            "if one list is meant, write it as key=[a,b]"
        )
    if absent := re.match(r"Could not override '(.*)'\. No match in the defaults list", text):
        return f"no config group `{absent[1]}` in use here; --info defaults shows the groups"
    if added := re.match(ALREADY_THERE, text):
        return str(already_there(f"+{added[1]}"))
    if choice := re.match(r"Error resolving interpolation '(.*?)'", text):
        others = text.partition("possible interpolation keys: ")[2] or "none here"
        return f"`{choice[1]}`: an option can refer only to the other groups: {others}"
    if in_file := re.match(r"In '.*': (?=\w+ raised while composing)", text):
        return (
            f"{in_file[0]}{config_error(cause)}"
            if isinstance(cause, HYDRA_ERRORS)
            else _head(error)
        )
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        asked = re.match(r"Could not override '(.*)'", text)
        lacking = str(cause.full_key)  # may lie below the key asked for, when a mapping is given
        if asked and not lacking.startswith(f"{asked[1]}."):
            lacking = asked[1]
        return str(_unknown(lacking, cause))
    if isinstance(cause, ValidationError):
        return str(wrong_value(_head(error).removeprefix("Error merging override "), cause))
    return f"{_head(error)}: {_head(cause)}" if cause else " ".join(_plain_lines(error)[:2])


def _unknown(key: str, cause: OmegaConfBaseException) -> ConfigError:
    return unknown_key(key, cause.parent_node._get_root())


def _unresolved(error: InterpolationResolutionError) -> str:
    """Return the message about a ``${…}`` whose target is not found."""
    where = f"`{error.full_key}`: " if error.full_key else ""
    if unset := re.search(r"Environment variable '(.*)' not found", str(error)):
        name = unset[1]
        return (
            f"{where}the environment variable {name} is not set; set it, or write a default: "
            f"${{oc.env:{name},…}}"
        )
    if unknown := re.search(r"Unsupported interpolation type (\S+)", str(error)):
        return f"{where}no resolver `{unknown[1]}` is registered; register it beside the task"
    found = re.search(
        r"Interpolation key '(.*)' not found|ConfigKeyError .* Error resolving key '(.*)'",
        str(error),
    )
    if not found:
        return f"{where}{_head(error)}"
    key = found[1] or found[2]
    if where.startswith("`hydra.job.env_set"):
        return f"{where}`${{{key}}}` is none of Hydra's own values, the only ones that it may name"
    if key.startswith("hydra."):
        return f"{where}`${{{key}}}` is not in the task's configuration; write ${{hydra:{key[6:]}}}"
    return f"{where}`${{{key}}}` is not in the configuration; name a key that is there"


def _plain_lines(error: BaseException) -> list[str]:
    lines = [line.strip() for line in str(error).splitlines()]
    return [line for line in lines if line and not line.startswith(("See http", "To append"))]


def _head(error: BaseException) -> str:
    return next(iter(_plain_lines(error)), type(error).__name__)


def _keys_beside(key: str, config: DictConfig) -> list[str]:
    """Return all dotted keys that ``key`` may have meant: Hydra's own, or all others."""
    tree = OmegaConf.to_container(config, resolve=False)
    keys = _dotted(tree if isinstance(tree, dict) else {})
    of_hydra = key.startswith("hydra.")
    return [known for known in keys if known != key and known.startswith("hydra.") == of_hydra]


def _dotted(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{name}.")
