"""Keeps a number of trials that ``besom set`` changed, for resumes."""

from dataclasses import replace

from besom.search.options import SweepOptions
from besom.search.study import Study
from besom.sweep.plan import Plan

_KEY = "n_trials"


def remember_n_trials(study: Study, options: SweepOptions, n_trials: int) -> None:
    """Set the number of trials of the running sweep and of its next starts.

    It holds until a command asks for another number than the command of this sweep did.
    """
    kept = study.recall(_KEY)
    asked = kept["asked"] if kept else options.n_trials
    study.remember(_KEY, {"asked": asked, "set": n_trials})
    options.n_trials = n_trials


def with_set_n_trials(plan: Plan, study: Study) -> Plan:
    """Return the plan with the number of trials that was set before. If its command asks for
    another number than then, that one holds. If it only confirms, as many as there are."""
    if plan.options.confirm.only:
        there = max(1, len(study.rows()))
        return replace(plan, options=replace(plan.options, n_trials=there))
    kept = study.recall(_KEY)
    if kept is None:
        return plan
    asked, n_trials = kept["asked"], kept["set"]
    if plan.options.n_trials != asked:
        study.remember(_KEY, None)
        return plan
    remark = (
        f"n_trials={n_trials}, as besom set has it; a command that asks for another number than "
        f"{asked} counts again."
    )
    options = replace(plan.options, n_trials=n_trials)
    return replace(plan, options=options, remarks=(*plan.remarks, remark))
