"""MLflow stores that tasks open themselves: workers open them in turn."""

import fcntl
import importlib
import os
import sys
import threading
from pathlib import Path

import mlflow.store.tracking
import pytest

from besom.workers.task_stores import MODULE, open_in_turn


def test_a_store_is_opened_when_no_other_worker_opens_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow.store.tracking, "sqlalchemy_store", importlib.import_module(MODULE))
    monkeypatch.delitem(sys.modules, MODULE)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    open_in_turn(root)
    store = importlib.import_module(MODULE).SqlAlchemyStore
    opening = threading.Thread(target=store, args=(f"sqlite:///{root}/mlflow.db", str(root)))

    other = os.open(root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    opening.start()
    opening.join(timeout=0.3)
    assert opening.is_alive()
    os.close(other)
    opening.join(timeout=30)
    assert not opening.is_alive()
