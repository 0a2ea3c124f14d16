"""The values of trials' configurations that are not searched.

An option of a config group is a file, and what stands in it is no fact of the baseline. What a
resolver returns, ``${oc.env:LR}`` or ``${hydra:job.num}``, is none either. Two trials are of one
experiment, and one of them can stand for the other, only where these agree too.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from besom.app.error_messages import HYDRA_ERRORS
from besom.app.hooks import task_config
from besom.app.job import hydra_config_put_back
from besom.app.resolvers import OF_A_JOB, of_key, resolvers_of
from besom.common.addresses import mask
from besom.common.errors import ConfigError, StudyError
from besom.common.flatten import flatten, short_text
from besom.common.text import few
from besom.search.study import Study
from besom.search.trial_row import RESOLVED, TrialRow
from besom.sweep.plan import Plan
from besom.workers.messages import Composed

ANOTHER = "give this one another name with hydra.sweeper.study_name=… (besom sweep: --name …)"

_OPTION = "option "
MOST_SHOWN = 3

Facts = Mapping[str, Any]
ByKey = Mapping[str, frozenset[str]]
"""See :func:`besom.app.resolvers.resolvers_of`."""


def resolved(plan: Plan, params: Facts, by_key: ByKey) -> dict[str, Any]:
    """What resolvers have returned: numbers as they are, and texts as digests, for they may be
    secrets. Times, names and places of a job are none; its number is one.

    Args:
        params: the flat configuration.
    """
    return {
        key: value if isinstance(value, int | float | None) else _digest(value)
        for key, value in params.items()
        if (names := of_key(key, by_key)) and not plan.is_place(key)
        if not names & OF_A_JOB or isinstance(value, int | float)
    }


def resolved_of(plan: Plan, composed: Composed | None) -> dict[str, Any]:
    """The same of a trial that was given to its task."""
    return {} if composed is None else resolved(plan, composed.params, composed.resolvers)


def original_of(plan: Plan, row: TrialRow, complete: Sequence[TrialRow]) -> TrialRow | None:
    """The trial that ``row``, which has not begun, repeats.

    Args:
        complete: the complete trials of an equal point. What resolvers have returned for those of
            older studies was not noted; it counts as the same.
    """
    if not any(RESOLVED in one.notes for one in complete):
        return next(iter(complete), None)
    if (today := _composed(plan, row)) is None:
        return None
    found = resolved(plan, *today)
    return next((one for one in complete if one.notes.get(RESOLVED, found) == found), None)


def _composed(plan: Plan, row: TrialRow) -> tuple[Facts, ByKey] | None:
    """The flat configuration of a trial, and how its values come about; None where that cannot be
    known here: a variable may be set in the workers alone."""
    with hydra_config_put_back():
        try:
            config = task_config(plan.application.compose(plan.overrides(row), row.number))
            return flatten(config), resolvers_of(config)
        except (ConfigError, *HYDRA_ERRORS):
            return None


def resolved_otherwise(plan: Plan, study: Study) -> Iterator[str]:
    """What to say where resolvers return something else for the baseline than when the study was
    begun."""
    before = study.recall(RESOLVED)
    if before is None or not study.has_begun:
        return
    now = _of_baseline(plan)
    differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if differing:
        shown = few((_change(key, before.get(key), now.get(key)) for key in differing), MOST_SHOWN)
        yield (
            "The environment, or a resolver, says something else than when the study was begun "
            f"({shown}): trials of both stand side by side."
        )


def _of_baseline(plan: Plan) -> dict[str, Any]:
    """What resolvers return for the baseline, less what they return for one job, or once alone."""
    by_key = resolvers_of(plan.baseline)
    lasting = {key: names for key, names in by_key.items() if not names & OF_A_JOB}
    first, second = (resolved(plan, flatten(plan.baseline), lasting) for _ in range(2))
    return {key: value for key, value in first.items() if second[key] == value}


def _change(key: str, before: Any, now: Any) -> str:
    """``lr: 0.1 → 50``; the key alone of a text."""
    if isinstance(before, str) or isinstance(now, str):
        return key
    return f"{key}: {json.dumps(before)} → {json.dumps(now)}"


def note_options(plan: Plan, study: Study, row: TrialRow, composed: Composed | None) -> str:
    """Keep what a trial's options have made of its configuration, of the first that has one.

    Returns:
        What they say otherwise than in that trial; empty where nothing.
    """
    chosen = _chosen(plan, row, composed.groups) if composed else {}
    if composed is None or not chosen:
        return ""
    kept = {name: study.recall(name) for name in _names(chosen)}
    if all(fact and fact["chosen"] != chosen for fact in kept.values()):
        return ""  # beside other options than those, where it may stand otherwise
    written = _written(plan, row, composed.params, composed.resolvers)
    for name, fact in kept.items():
        if fact is None:
            study.remember(name, {"trial": row.number, "chosen": chosen, "values": written})
        elif fact["chosen"] == chosen:
            both = fact["values"].keys() & written.keys()  # of the others, one may have a proposal
            before, now = ({key: one[key] for key in both} for one in (fact["values"], written))
            if changes := _changes(chosen, before, now):
                return changes
    return ""


def hold_to_composed(plan: Plan, study: Study) -> None:
    """Keep what resolvers return as a study begins, and hold a resume to what its options were.

    Raises:
        StudyError: an option makes something else of the configuration today; says what.
    """
    if not study.has_begun:
        study.remember(RESOLVED, _of_baseline(plan))
    facts = {fact["trial"]: fact for fact in study.recall_all(_OPTION)}
    rows = {row.number: row for row in study.rows()} if facts else {}
    for number, fact in facts.items():
        if number not in rows or (today := _composed(plan, rows[number])) is None:
            continue
        written = _written(plan, rows[number], *today)
        if changes := _changes(fact["chosen"], fact["values"], written):
            raise StudyError(
                f"the study `{study.name}` was begun with something else ({changes}).\n"
                f"{ANOTHER.capitalize()}."
            )


def _chosen(plan: Plan, row: TrialRow, groups: Mapping[str, str]) -> dict[str, Any]:
    """The options that a trial was given."""
    known = {dimension.key for dimension in plan.space.dimensions if dimension.is_group} | {*groups}
    return {key: value for key, value in row.shown.items() if key in known}


def _names(chosen: Facts) -> list[str]:
    return [f"{_OPTION}{group}={option}" for group, option in chosen.items()]


def _written(plan: Plan, row: TrialRow, params: Facts, by_key: ByKey) -> dict[str, str]:
    """What is written in a trial's configuration and not in the baseline's, as JSON."""
    computed, baseline = resolvers_of(plan.baseline), flatten(plan.baseline)
    same = {key: value for key, value in baseline.items() if of_key(key, computed) is None}
    searched = {*row.params, *plan.space.distributions}
    return {
        key: mask(json.dumps(value, default=str))
        for key, value in params.items()
        if key not in searched and not plan.is_place(key) and of_key(key, by_key) is None
        if key not in same or same[key] != value
    }


def _changes(chosen: Facts, before: Facts, now: Facts) -> str:
    """``opt=adam, lr: 0.001 → 7.0``."""
    keys = sorted({*before, *now})
    differing = [key for key in keys if before.get(key, "null") != now.get(key, "null")]
    if not differing:
        return ""
    shown = "; ".join(
        f"{key}: {before.get(key, 'absent')} → {now.get(key, 'absent')}"
        for key in differing[:MOST_SHOWN]
    )
    return f"{short_text(chosen)}, {shown}"


def _digest(value: Any) -> str:
    text = json.dumps(value, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
