"""Compares the values of trials' configurations that are not searched.

An option of a config group is a file, whose content the study's fingerprint covers only if the
baseline has that option. It never covers what a resolver returns, such as ``${oc.env:LR}`` or
``${hydra:job.num}``. Two trials belong to one experiment, and one can stand for the other, only if
these values agree too.
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
    """Return the values that resolvers computed: numbers as they are, texts as digests, because
    they may be secrets. Times, names and places of a job are left out; the job's number is not.

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
    """Return :func:`resolved` of a trial that was given to its task; otherwise nothing."""
    return {} if composed is None else resolved(plan, composed.params, composed.resolvers)


def original_of(plan: Plan, row: TrialRow, complete: Sequence[TrialRow]) -> TrialRow | None:
    """Return the complete trial that ``row``, which has not begun, repeats; None if there is none.

    Args:
        complete: the complete trials of an equal point. Older studies did not note what resolvers
            returned for a trial; it counts as the same.
    """
    if not any(RESOLVED in one.notes for one in complete):
        return next(iter(complete), None)
    if (today := _composed(plan, row)) is None:
        return None
    found = resolved(plan, *today)
    return next((one for one in complete if one.notes.get(RESOLVED, found) == found), None)


def _composed(plan: Plan, row: TrialRow) -> tuple[Facts, ByKey] | None:
    """Return a trial's flat configuration and the resolvers of its values; None if this process
    cannot compose it: a variable may be set in the workers alone."""
    with hydra_config_put_back():
        try:
            config = task_config(plan.application.compose(plan.overrides(row), row.number))
            return flatten(config), resolvers_of(config)
        except (ConfigError, *HYDRA_ERRORS):
            return None


def resolved_otherwise(plan: Plan, study: Study) -> Iterator[str]:
    """Yield a sentence if resolvers return other values for the baseline than when the study was
    begun."""
    before = study.recall(RESOLVED)
    if before is None or not study.has_begun:
        return
    now = _of_baseline(plan)
    differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if differing:
        shown = few((_change(key, before.get(key), now.get(key)) for key in differing), MOST_SHOWN)
        yield (
            "The environment or a resolver gives other values than when the study was begun "
            f"({shown}): trials of both stand side by side."
        )


def _of_baseline(plan: Plan) -> dict[str, Any]:
    """Return the resolved values of the baseline, except those of a job or that change when read
    twice."""
    by_key = resolvers_of(plan.baseline)
    lasting = {key: names for key, names in by_key.items() if not names & OF_A_JOB}
    first, second = (resolved(plan, flatten(plan.baseline), lasting) for _ in range(2))
    return {key: value for key, value in first.items() if second[key] == value}


def _change(key: str, before: Any, now: Any) -> str:
    """Return ``lr: 0.1 → 50``; only the key if a value is a text."""
    if isinstance(before, str) or isinstance(now, str):
        return key
    return f"{key}: {json.dumps(before)} → {json.dumps(now)}"


def note_options(plan: Plan, study: Study, row: TrialRow, composed: Composed | None) -> str:
    """Keep the values that config group options give a trial's configuration, once per option.

    Returns:
        The values that differ from those of the first trial with the same options; empty if none.
    """
    chosen = _chosen(plan, row, composed.groups) if composed else {}
    if composed is None or not chosen:
        return ""
    kept = {name: study.recall(name) for name in _names(chosen)}
    if all(fact and fact["chosen"] != chosen for fact in kept.values()):
        return ""  # first seen beside other options, which may change its values
    written = _written(plan, row, composed.params, composed.resolvers)
    for name, fact in kept.items():
        if fact is None:
            study.remember(name, {"trial": row.number, "chosen": chosen, "values": written})
        elif fact["chosen"] == chosen:
            both = fact["values"].keys() & written.keys()  # others may be searched in one of them
            before, now = ({key: one[key] for key in both} for one in (fact["values"], written))
            if changes := _changes(chosen, before, now):
                return changes
    return ""


def hold_to_composed(plan: Plan, study: Study) -> None:
    """Keep the baseline's resolved values when a study begins; check the options on a resume.

    Raises:
        StudyError: an option now gives the configuration other values; says which.
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
    """Return the options of config groups that a trial was given."""
    known = {dimension.key for dimension in plan.space.dimensions if dimension.is_group} | {*groups}
    return {key: value for key, value in row.shown.items() if key in known}


def _names(chosen: Facts) -> list[str]:
    return [f"{_OPTION}{group}={option}" for group, option in chosen.items()]


def _written(plan: Plan, row: TrialRow, params: Facts, by_key: ByKey) -> dict[str, str]:
    """Return, as JSON, the literal values of a trial's configuration that differ from the
    baseline's or are missing there."""
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
    """Return ``opt=adam, lr: 0.001 → 7.0``; empty if nothing differs."""
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
