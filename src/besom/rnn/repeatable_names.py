"""Names of TensorFlow functions that depend on the program alone.

TensorFlow numbers the functions that it traces, and XLA's caches, in memory and on disk, have
these names in their keys: the same program traced as a process' second one is compiled again.
With names out of a key, a program that any process has compiled before is found.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from tensorflow.python.eager.polymorphic_function import concrete_function
from tensorflow.python.ops import control_flow_util_v2


@contextmanager
def repeatable_names(program: str) -> Iterator[None]:
    """Trace inside this block; ``program`` must say everything that the code depends on.

    Two different programs with one key would be taken for one another.
    """
    digest = hashlib.sha256(program.encode()).hexdigest()[:16]
    numbers = count()

    def numbered(name: str) -> str:
        return f"{name}_{digest}_{next(numbers)}"

    original = (
        concrete_function._inference_name,
        control_flow_util_v2.unique_fn_name,
        control_flow_util_v2.unique_grad_fn_name,
    )
    _install(
        lambda name: numbered(f"__inference_{name}"),
        lambda scope, name: numbered(f"{scope}{name}").replace("/", "_"),
        lambda forward: numbered(f"{forward}_grad"),
    )
    try:
        yield
    finally:
        _install(*original)


def _install(
    inference_name: Callable[[str], str],
    unique_fn_name: Callable[[str, str], str],
    unique_grad_fn_name: Callable[[str], str],
) -> None:
    concrete_function._inference_name = inference_name
    control_flow_util_v2.unique_fn_name = unique_fn_name
    control_flow_util_v2.unique_grad_fn_name = unique_grad_fn_name
