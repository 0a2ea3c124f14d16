"""Close every gap that an earlier supervisor's death has left between study and record.

A trial's life is committed in this order: asked (trial running) → run created → run's id on the
trial → trained → run's last words on disk → told (trial ended) → run closed. A death between any
two of these leaves a state that can be told apart afterwards:

=========================  ======================  =============================================
trial                      run                     what is done
=========================  ======================  =============================================
running                    none, or lost           the run is closed as killed; tried again
running                    last words on disk      told from these, then closed
ended                      not closed              closed
=========================  ======================  =============================================
"""

from besom.sweeping.protocol import State
from besom.sweeping.study import Study, TrialRow
from besom.tracking.record import Record


def reconcile(study: Study, record: Record) -> list[TrialRow]:
    """Bring study and record into agreement; returns the trials to be tried again."""
    rows = {row.number: row for row in study.rows()}
    for pending in record.pending({"besom.study": study.name}):
        if not pending.outcome:
            continue  # a lost attempt, closed below, or the sweep's own run, which goes on
        number = int(pending.outcome["trial"])
        if rows[number].state == "running":
            study.tell(number, State(pending.outcome["state"]), pending.outcome["values"])
        record.confirm(pending.run_id)
    for run in record.runs({"besom.study": study.name, "besom.state": "running"}):
        record.kill(run.run_id, {"besom.state": "lost"})
    record.flush()
    return [row for row in study.rows() if row.state == "running"]
