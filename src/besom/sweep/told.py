"""Passes on to the record what workers say about their runs and what needs no answer."""

from besom.common.states import State
from besom.tracking.environment import Environment
from besom.tracking.listener import describe
from besom.tracking.record import Record
from besom.workers.messages import Composed, Logged, Saved, SavedModel, Tabled

Noted = Composed | Logged | Saved | SavedModel | Tabled

RUN_STATUS = {
    State.COMPLETE: "FINISHED",
    State.PRUNED: "FINISHED",
    State.FAILED: "FAILED",
}
"""How MLflow calls the ends of a job."""


def write_down(record: Record, run_id: str, message: Noted, places: tuple[str, ...]) -> None:
    """One message of a worker into its run.

    Args:
        places: keys that say where things are; they are not among the run's parameters.
    """
    match message:
        case Composed(params, config, overrides, folder):
            prefixes = tuple(f"{place}." for place in places)
            what = {k: v for k, v in params.items() if not f"{k}.".startswith(prefixes)}
            describe(record, run_id, what, config, overrides, Environment.here(), folder)
        case Logged(values):
            record.log(run_id, values)
        case Saved(path):
            record.file(run_id, path)
        case SavedModel(model):
            record.model(run_id, model)
        case Tabled(name, rows):
            record.table(run_id, name, rows)
