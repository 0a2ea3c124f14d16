"""Who is trained again on fresh seeds: the baseline, and the best trials beside it."""

from collections.abc import Sequence

from besom.search.trial_row import TrialRow


def finalists(ranked: Sequence[TrialRow], top_k: int) -> list[TrialRow]:
    """The baseline first, then up to ``top_k`` others, the best first; each configuration once.

    All are of today's code. The baseline is there however its trial has ended. The list is empty
    where there is none, or nothing to compare it with.

    Args:
        ranked: all trials, the best first, see :func:`besom.sweep.summary.ranked`.
    """
    baseline = next((row for row in ranked if row.is_baseline), None)
    if baseline is None:
        return []
    chosen = [baseline]
    for row in ranked:
        is_new = row.params not in [other.params for other in chosen]
        if row.state == "complete" and row.counts and is_new and len(chosen) <= top_k:
            chosen.append(row)
    return chosen if len(chosen) > 1 else []
