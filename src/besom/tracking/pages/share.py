"""Writes the view of a study to its experiment, outside of a sweep."""

from mlflow import MlflowClient

from besom.tracking.client import asking
from besom.tracking.pages.views import StudyView


def experiment_of(uri: str, run_id: str) -> str:
    """Return the id of the experiment that holds a run.

    Raises:
        StoreError: the store does not answer, or has no such run.
    """
    with asking(uri):
        return str(MlflowClient(uri).get_run(run_id).info.experiment_id)


def share(uri: str, experiment_id: str, view: StudyView, at: int) -> None:
    """Write a study's view to its experiment, unless it is already there.

    A running sweep may write the same tag: each write replaces the whole tag, so neither harms the
    other.

    Args:
        at: when the study was started (ms since 1970).

    Raises:
        StoreError: the store does not answer, or refuses the tag.
    """
    client = MlflowClient(uri)
    with asking(uri):
        kept = client.get_experiment(experiment_id).tags
        for key, value in view.tags(at).items():
            if kept.get(key) != value:
                client.set_experiment_tag(experiment_id, key, value)
