"""Lets workers open the MLflow stores of their tasks one after another.

MLflow makes and checks the tables of a new database without a lock. If the first trials of a sweep
do this at the same time, they disturb one another's migrations, and all of them fail.
"""

import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

MODULE = "mlflow.store.tracking.sqlalchemy_store"


def open_in_turn(folder: Path) -> None:
    """Make this process open an MLflow store only while no other process does.

    Args:
        folder: the same for all workers of a sweep; it must exist.
    """
    sys.meta_path.insert(0, _Finder(folder))


class _Finder(MetaPathFinder):
    """Changes MLflow's class when a task imports it: most never do, and that takes seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname == MODULE else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def then_change(module: ModuleType) -> None:
            execute(module)
            _change(module, self._folder)

        spec.loader.exec_module = then_change  # type: ignore[method-assign]
        return spec


def _change(module: ModuleType, folder: Path) -> None:
    open_store = module.SqlAlchemyStore.__init__

    def in_turn(store: object, *arguments: Any, **named: Any) -> None:
        with _alone(folder):
            open_store(store, *arguments, **named)

    module.SqlAlchemyStore.__init__ = in_turn


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
