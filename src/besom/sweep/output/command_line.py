"""The command that began a sweep, for a person to type again, and for a program to go on with."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from besom.app.hooks import as_typed
from besom.app.job import JobRunner
from besom.common.addresses import mask


def typed(words: Sequence[str] | None = None) -> str:
    """``besom sweep quickstart --trials 40``, or ``python app.py -m …``, without passwords.

    Empty where there is nothing that could be typed again, such as in a notebook.

    Args:
        words: the interpreter and its arguments; those of this process where None.
    """
    python, *rest = sys.orig_argv if words is None else words
    if not rest or rest[0] == "-c" or "ipykernel_launcher" in rest:
        return ""
    is_besom = Path(rest[0]).name == "besom"
    shown = ["besom", *rest[1:]] if is_besom else [Path(python).name, *rest]
    return mask(shlex.join(shown))


def parts(application: JobRunner) -> dict[str, Any]:
    """The task, the name of the primary configuration, and all overrides as they were given."""
    hydra = application.master.hydra
    task = application.task
    return {
        "task": f"{task.__module__}.{getattr(task, '__qualname__', type(task).__qualname__)}",
        "config_name": hydra.job.config_name,
        "overrides": [*as_typed(hydra.overrides.task), *as_typed(hydra.overrides.hydra)],
    }
