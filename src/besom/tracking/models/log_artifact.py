"""Adds a file to a run that has ended."""

from pathlib import Path

from mlflow import MlflowClient

from besom.common.sqlite import is_read_only
from besom.tracking.address import sqlite_path
from besom.tracking.client import asking


def attach(uri: str, run_id: str, name: str, file: Path) -> bool:
    """Keep a text file with a run under ``name``; an older one of that name is replaced.

    Returns:
        False where the record is one that is only to be read.

    Raises:
        StoreError: the store does not answer, or does not take it.
    """
    path = sqlite_path(uri)
    if path is not None and is_read_only(path):
        return False
    with asking(uri):
        MlflowClient(uri).log_text(run_id, file.read_text(encoding="utf-8"), name)
    return True
