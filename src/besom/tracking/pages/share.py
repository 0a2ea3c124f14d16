"""Writes the views of a store's experiments outside of a sweep."""

from mlflow import MlflowClient

from besom.tracking.client import asking
from besom.tracking.pages.views import StudyView


def experiment_of(uri: str, run_id: str) -> str:
    """The id of the experiment that has a run.

    Raises:
        StoreError: the store does not answer, or has no such run.
    """
    with asking(uri):
        return str(MlflowClient(uri).get_run(run_id).info.experiment_id)


def share(uri: str, experiment_id: str, view: StudyView, at: int) -> None:
    """Have MLflow's pages show a study as ``view`` says, unless they do so already.

    A sweep that goes on meanwhile writes the same tag as a whole, so neither harms the other.

    Args:
        at: when the study was begun (ms since 1970).

    Raises:
        StoreError: the store does not answer, or does not take it.
    """
    client = MlflowClient(uri)
    with asking(uri):
        kept = client.get_experiment(experiment_id).tags
        for key, value in view.tags(at).items():
            if kept.get(key) != value:
                client.set_experiment_tag(experiment_id, key, value)
