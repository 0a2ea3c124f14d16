"""Random generators: each process has its own, for two with one state would draw the same."""

import sys
from random import Random
from typing import Any


def is_generator(value: Any) -> bool:
    """Whether it is one of Python's or NumPy's, or a seed sequence or bit generator of these."""
    modules = (str(kind.__module__) for kind in type(value).__mro__)
    return isinstance(value, Random) or any(name.startswith("numpy.random.") for name in modules)


def shared_name(value: Any) -> str | None:
    """The name in its module of the generator behind ``random.random`` or ``numpy.random.rand``."""
    if not is_generator(value):
        return None
    module = sys.modules.get(type(value).__module__)
    found = (name for name in ("_inst", "_rand") if getattr(module, name, None) is value)
    return next(found, None)
