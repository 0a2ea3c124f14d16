"""Trials of a study whose application's source has changed since they were made.

Their values are of another program. They stay in the study and in its tables, with a mark, and
count for nothing: not as the best, not as the baseline, not for the sampler or the pruner. Where
it is not known which source made a trial, its value counts as today's.
"""

from collections.abc import Iterator, Sequence

from besom.app.source import Source
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.plan import Plan

MARK = " *"
FOOTNOTE = "Trials marked * were made by other source code than today's, and do not count."


def leave_out(plan: Plan, study: Study) -> None:
    """Let only values of today's code count, and queue the baseline again if its own does not."""
    study.leave_out({row.number for row in _ended(study) if not plan.counts(row.code)})
    rows = study.rows()
    # One without a role was cut short while it was asked for, and may be the baseline.
    has_baseline = any(row.role in ("", "baseline") for row in rows if row.counts)
    has_room = not rows or len(rows) < plan.options.n_trials
    if plan.baseline_params is not None and not has_baseline and has_room:
        study.enqueue(plan.baseline_params, plan.outside)


def sentences(plan: Plan, study: Study) -> Iterator[str]:
    """What a person should know of values that other code has made, or may have made."""
    ended = _ended(study)
    if ended and plan.source.digest is None:
        yield (
            f"The application's source is not known ({plan.source.reason}): the values of earlier "
            "trials count as today's."
        )
        return
    sources = [Source.read(row.code) for row in ended]
    if n_other := sum(plan.source.differs_from(source) for source in sources):
        line = f"{n_other} of {len(ended)} trials were made by other source code than today's"
        if plan.options.duplicates == "reuse_any_code":
            yield f"{line}; their values count all the same."
        else:
            yield f"{line}; their values do not count (hydra.sweeper.duplicates=reuse_any_code)."
    if n_unknown := sum(source.digest is None for source in sources):
        yield (
            f"It is not known which source code made {n_unknown} of {len(ended)} trials; their "
            "values count as today's."
        )


def _ended(study: Study) -> Sequence[TrialRow]:
    return [row for row in study.rows() if row.state != "running"]
