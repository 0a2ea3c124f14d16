"""``hydra.sweeper.keep_models``: deletes the models of beaten trials while the sweep runs.

The record deletes them in the background, and tries again if MLflow is away. The study notes a
request once the record has it on disk. If the process is killed between the two, the request is
made again, which changes nothing.
"""

import time
from collections.abc import Sequence

from besom.search.feasibility import best_of
from besom.search.ranking import models_kept
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation.run import finalists
from besom.sweep.jobs import Sweep
from besom.sweep.plan import Plan
from besom.sweep.summary import ranked

LOOK_SECONDS = 5.0
"""Seconds between rankings of the trials: ranking thousands takes a moment."""


class KeptModels:
    """Deletes the models that a sweep does not keep."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._number = models_kept(sweep.plan.options.keep_models)
        self._deleted = set(sweep.study.recall("models_deleted") or ())
        self._looks_again = 0.0

    def look(self) -> None:
        """Call :meth:`settle`, but at most once in ``LOOK_SECONDS``."""
        if self._number is not None and time.monotonic() >= self._looks_again:
            self.settle()
            self._looks_again = time.monotonic() + LOOK_SECONDS

    def settle(self) -> None:
        """Delete the models of the trials that are beaten by now."""
        if self._number is None:
            return
        plan, study = self._sweep.plan, self._sweep.study
        beaten = [
            row
            for row in beaten_trials(plan, study.rows(), self._number)
            if row.number not in self._deleted
        ]
        for row in beaten:
            why = f"keep_models={plan.options.keep_models}"
            self._sweep.record.delete_model(row.notes["run_id"], why)
        if beaten:
            self._deleted |= {row.number for row in beaten}
            study.remember("models_deleted", sorted(self._deleted))


def beaten_trials(plan: Plan, rows: Sequence[TrialRow], number: int) -> list[TrialRow]:
    """Return the ended trials of today's code whose models are not kept.

    Kept are the models of the best ``number`` trials (with several objectives, of the whole Pareto
    front) and of those that a confirmation would train again. A repeated trial has no model.
    """
    trained = [row for row in rows if "reused" not in row.notes and row.counts]
    complete = [row for row in ranked(plan, trained) if row.state == "complete"]
    kept = {row.number for row in complete[:number]}
    if number and not plan.objective.single:
        kept = {row.number for row in best_of(complete, plan.objective.directions)}
    if top_k := plan.options.confirm.top_k:
        kept |= {row.number for row in finalists(ranked(plan, trained), top_k)}
        kept |= {row.number for row in trained if row.is_baseline}
    ended = [row for row in trained if row.state != "running" and "run_id" in row.notes]
    return [row for row in ended if row.number not in kept]
