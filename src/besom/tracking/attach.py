"""Adds a file to a run that has ended."""

from pathlib import Path

from mlflow import MlflowClient

from besom.tracking.quiet import asking


def attach(uri: str, run_id: str, name: str, file: Path) -> None:
    """Keep a text file with a run under ``name``; an older one of that name is replaced.

    Raises:
        StoreError: the store does not answer, or does not take it.
    """
    with asking(uri):
        MlflowClient(uri).log_text(run_id, file.read_text(encoding="utf-8"), name)
