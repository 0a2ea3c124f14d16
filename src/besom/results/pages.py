"""Makes or updates a study's view in MLflow's pages, and returns its address."""

from pathlib import Path
from typing import NamedTuple

from besom.results.studies import read_study
from besom.tracking import schema
from besom.tracking.address import own_address, readable
from besom.tracking.pages.views import StudyView, address
from besom.tracking.reader import open_reader


class Page(NamedTuple):
    """A page: a description, and its address relative to that of the server."""

    shows: str
    address: str


def pages(root: Path, uri: str | None, name: str | None) -> list[Page]:
    """Return the pages of a study in MLflow; the first one has a table of all its trials.

    Args:
        name: the study; the latest if None. If the record has no study, the only page has all runs.

    Raises:
        StudyError: there is no such study.
        StoreError: there is no record, it cannot be reached, or it does not store the view.
    """
    from besom.tracking.pages.share import experiment_of, share

    reader = open_reader(root, uri)
    uri = readable(uri or own_address(root))  # that of a copy, if the record is read-only
    name = name or next(reversed(reader.studies()), None)
    if name is None:
        some = reader.run_ids()[-1:]
        return [Page("all runs", address(experiment_of(uri, run_id), None)) for run_id in some]
    study = read_study(reader, name)
    experiment_id = experiment_of(uri, study.parent.run_id)
    view = StudyView.of(
        study.name,
        study.objectives,
        study.directions,
        schema.searched(study.parent.params),
        [name for trial in study.trials for name in trial.metrics],
        study.constraints.each,
    )
    share(uri, experiment_id, view, round(study.parent.started * 1000))
    table, charts = (address(experiment_id, name, charts) for charts in (False, True))
    shown = f"{name}: its {len(study.trials)} trials, sorted by {study.objectives[0]}"
    return [Page(shown, table), Page("the same in charts", charts)]
