"""What a study is about, kept with it, so that a resume cannot mix two experiments."""

import json
from ast import literal_eval
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from besom.app.source import task_name
from besom.common.addresses import mask
from besom.common.errors import StudyError
from besom.common.flatten import flatten
from besom.search.space.space import spell
from besom.search.study import Study
from besom.sweep.plan import Plan

VOLATILE = ("now", "hydra", "oc.env")

TASK = "task"
_KEY = "fingerprint"

ANOTHER = "give this one another name with hydra.sweeper.study_name=… (besom sweep: --name …)"
_OBJECTIVE = ("objective", "direction")


def fingerprint(plan: Plan) -> dict[str, str]:
    """Named facts that must be equal for two runs of a sweep to be one study.

    The password of an address is none: it may change, and it has no place in a database.
    """
    space, objective, baseline, hooks = plan.space, plan.objective, plan.baseline, plan.hooks
    facts = {TASK: task_name(plan.application.task)}
    facts |= {f"search space, {d.key}": d.describe() for d in space.dimensions}
    facts["objective"] = objective.label
    facts["direction"] = ", ".join(objective.directions)
    facts["custom search space"] = str(plan.options.custom_search_space)
    places = tuple(f"{place}." for place in hooks.places)
    searched = space.distributions
    as_written = flatten(baseline, resolve=False)
    for key, value in flatten(baseline).items():
        if key not in searched and not f"{key}.".startswith(places):
            lasting = as_written[key] if _is_volatile(as_written.get(key)) else value
            facts[f"configuration, {key}"] = mask(json.dumps(lasting, default=str))
    facts.update({f"identity of {key}": value for key, value in hooks.identity(baseline).items()})
    return facts


def _is_volatile(written: object) -> bool:
    """Whether a value as written differs from start to start, or from machine to machine."""
    return isinstance(written, str) and any(f"${{{name}:" in written for name in VOLATILE)


def claim(study: Study, facts: Mapping[str, str]) -> None:
    """Write the fingerprint into a new study, or compare it with an old one's.

    Another objective is nothing else as long as nothing has been judged by the old one.

    Raises:
        StudyError: the study was about something else, or was begun without Besom; says what.
    """
    kept = study.recall(_KEY)
    if kept is None:
        _refuse_foreign(study, facts)
        study.remember(_KEY, dict(facts))
        return
    differing = [key for key in {**kept, **facts} if kept.get(key) != facts.get(key)]
    if differing and set(differing) <= set(_OBJECTIVE) and study.is_unjudged:
        study.begin_anew(facts["direction"].split(", "))
        study.remember(_KEY, dict(facts))
        return
    if differing:
        shown = "; ".join(
            f"{key}: {kept.get(key, 'absent')} → {facts.get(key, 'absent')}"
            for key in differing[:3]
        )
        more = f"; and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise StudyError(
            f"the study `{study.name}` was begun with something else ({shown}{more}).\n"
            f"{ANOTHER.capitalize()}."
        )


def describes(study: Study, plan: Plan) -> bool:
    """Whether a study is about what a plan asks for; nothing is written."""
    return bool(study.recall(_KEY) == fingerprint(plan))


def _refuse_foreign(study: Study, facts: Mapping[str, str]) -> None:
    """Trials of which nothing is known but numbers are no part of a sweep. Points that wait are."""
    if study.has_begun:
        raise StudyError(
            f"the study `{study.name}` has trials that Besom did not make, of another search space "
            f"or objective perhaps; {ANOTHER}, or another database with hydra.sweeper.storage=…"
        )
    directions = ", ".join(study.directions)
    if facts.get("direction", directions) != directions:
        raise StudyError(
            f"the study `{study.name}` was made to {directions}, not to {facts['direction']}; set "
            f"hydra.sweeper.direction, or {ANOTHER}."
        )


def claim_baseline(study: Study, outside: Mapping[str, Any] | None) -> None:
    """Hold a resume to the baseline that runs, or has run, outside the space.

    It is composed anew for its confirmation; what is inside the space is kept as a proposal.

    Args:
        outside: the baseline's own values of what is searched, where it lies outside.

    Raises:
        StudyError: it was another one; says what.
    """
    begun = next((row.outside for row in study.rows() if row.outside is not None), None)
    if begun is None:
        return
    begun, now = _spelled(begun), _spelled(outside or {})
    if json.dumps(begun, sort_keys=True) == json.dumps(now, sort_keys=True):
        return
    changed = ", ".join(f"{key}={begun[key]}" for key in begun if begun[key] != now.get(key))
    raise StudyError(
        f"the study `{study.name}` was begun with a baseline outside its space ({changed}).\n"
        "Give that one again, with hydra.sweeper.baseline.KEY=VALUE, or another name with "
        "hydra.sweeper.study_name=…"
    )


def _spelled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Lists and mappings as overrides write them; older studies have them as Python does."""
    spelled = dict(values)
    for key, value in values.items():
        if isinstance(value, str) and value.startswith(("[", "{")):
            with suppress(ValueError, SyntaxError):
                spelled[key] = spell(literal_eval(value))
    return spelled
