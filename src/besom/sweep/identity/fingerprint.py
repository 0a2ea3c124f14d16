"""The fingerprint of a study, kept with it, so that a resume cannot mix two experiments.

If the application's source has changed since a trial ended, another program has made its values.
They stay in the study and in its tables, with a mark, but do not count: not as the best, not as the
baseline, not for the sampler or the pruner. If it is not known which source made a trial, its
values count as today's.
"""

import json
import re
from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from besom.app.resolvers import of_key, resolvers_of
from besom.app.source import Source, task_name
from besom.common.addresses import mask
from besom.common.errors import StudyError
from besom.common.flatten import flatten
from besom.common.text import few
from besom.search.space.space import spell
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.search.warm_start.imported_trials import best_points, imported_codes
from besom.search.warm_start.sources import CONFIGURATION
from besom.sweep.identity.composed_values import ANOTHER, MOST_SHOWN, resolved_otherwise
from besom.sweep.plan import Plan

MADE = "${…}"
"""Stands for a value of a mapping that a resolver has returned as a whole."""

TASK = "task"
_KEY = "fingerprint"

_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
"""A long digest; its first 12 digits are enough to tell it from another."""

FACTORY = "its default_factory made it; besom.Hooks(places=('{}',)) lets it differ"

_OBJECTIVE = ("objective", "direction")

MARK = " *"
FOOTNOTE = "Trials marked * were made by other source code than today's, and do not count."


def fingerprint(plan: Plan) -> dict[str, str]:
    """Return the facts, by name, that must be equal for two runs of a sweep to be one study.

    Passwords of addresses are left out: they may change, and do not belong in a database.
    """
    space, objective, baseline = plan.space, plan.objective, plan.baseline
    facts = {TASK: task_name(plan.application.task)}
    facts |= {f"search space, {d.key}": d.describe() for d in space.dimensions}
    facts["objective"] = objective.label
    facts["direction"] = ", ".join(objective.directions)
    facts["custom search space"] = str(plan.options.custom_search_space)
    if plan.warm_start.sources:
        facts["warm start"] = ", ".join(plan.warm_start.sources)
    searched, by_key = space.distributions, resolvers_of(baseline)
    as_written = flatten(baseline, resolve=False)
    for key, value in flatten(baseline).items():
        if key not in searched and not plan.is_place(key):
            lasting = as_written.get(key, MADE) if of_key(key, by_key) else value
            facts[f"{CONFIGURATION}{key}"] = mask(json.dumps(lasting, default=str))
    facts.update({identity_of(key): value for key, value in plan.identity.items()})
    return facts


def places_of(plan: Plan) -> dict[str, str]:
    """Return where facts come from: ``{"identity of data": "data.path=x.csv"}``.

    Of a value that a ``default_factory`` has made, it says how it may differ at each start.
    """
    places, values = plan.hooks.places, flatten(plan.baseline)
    found = {}
    for key in plan.identity:
        given = [p for p in places if p.startswith(f"{key}.") and values.get(p) is not None]
        if given:
            found[identity_of(key)] = mask(", ".join(f"{p}={values[p]}" for p in given))
    for key in _made_by_factories(plan.baseline):
        found[f"{CONFIGURATION}{key}"] = FACTORY.format(key)
    return found


def _made_by_factories(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yield the keys of plain values for which a dataclass has a ``default_factory``."""
    kind: Any = OmegaConf.get_type(config)
    content: Any = config._content
    declared = {one.name: one.default_factory for one in fields(kind)} if is_dataclass(kind) else {}
    for key, node in content.items() if isinstance(content, dict) else ():
        if isinstance(node, DictConfig):
            yield from _made_by_factories(node, f"{prefix}{key}.")
        elif not isinstance(node, ListConfig) and declared.get(str(key), MISSING) is not MISSING:
            yield f"{prefix}{key}"


def identity_of(key: str) -> str:
    return f"identity of {key}"


def difference(key: str, before: str | None, now: str | None, places: Mapping[str, str]) -> str:
    """Return ``identity of data (data.path=x.csv): 3f840f0901aa… → d9cb1b7bb7cb…``."""
    place = f" ({places[key]})" if key in places else ""
    return f"{key}{place}: {_shown(before)} → {_shown(now)}"


def _shown(fact: str | None) -> str:
    return _DIGEST.sub(r"\1…", "absent" if fact is None else str(fact))


def hold_to(study: Study, facts: Mapping[str, str], places: Mapping[str, str] = {}) -> None:
    """Write the fingerprint into a new study, or compare it with that of an existing one.

    Any change is accepted as long as no trial has begun, and another objective as long as nothing
    was judged by the old one. A key that an earlier configuration did not have, and that is null,
    is no change.

    Args:
        places: where facts come from, see :func:`places_of`.

    Raises:
        StudyError: the study is about something else, or was begun without Besom; says what.
    """
    kept = study.recall(_KEY)
    if kept is None:
        _refuse_foreign(study, facts)
        study.remember(_KEY, dict(facts))
        return
    if not _differing(kept, facts):
        return
    refuse_another(study, facts, places)
    study.begin_anew(facts["direction"].split(", "))
    study.remember(_KEY, dict(facts))


def refuse_another(study: Study, facts: Mapping[str, str], places: Mapping[str, str]) -> None:
    """Refuse a study with another fingerprint, as :func:`hold_to` does; write nothing.

    Raises:
        StudyError: the study is about something else; says what.
    """
    kept = study.recall(_KEY) or facts
    differing = _differing(kept, facts)
    only_judged_otherwise = set(differing) <= set(_OBJECTIVE) and study.is_unjudged
    if not differing or only_judged_otherwise or not study.has_begun:
        return
    differing.sort(key=lambda key: not key.startswith(identity_of("")))  # most telling first
    shown = "; ".join(
        difference(key, kept.get(key), facts.get(key), places) for key in differing[:MOST_SHOWN]
    )
    more = f"; and {n - MOST_SHOWN} more" if (n := len(differing)) > MOST_SHOWN else ""
    raise StudyError(
        f"the study `{study.name}` was begun with something else ({shown}{more}).\n"
        f"{ANOTHER.capitalize()}."
    )


def describes(study: Study, plan: Plan) -> bool:
    """Return whether a study is about what a plan asks for; write nothing."""
    kept = study.recall(_KEY)
    return kept is not None and not _differing(kept, fingerprint(plan))


def other_configurations(plan: Plan) -> Iterator[str]:
    """Yield a sentence for each study whose trials are taken over and whose fixed values differ."""
    given = plan.warm_start
    ours = fingerprint(plan) if given.facts else {}
    for name, theirs in given.facts.items():
        trials = [one for one in given.trials if one.source == name]
        searched = {key for one in trials for key in (*one.trial.params, *one.params)}
        free = tuple(f"{CONFIGURATION}{key}." for key in (*searched, *plan.hooks.places))
        fixed = (CONFIGURATION, identity_of(""))
        keys = [key for key in _differing(theirs, ours) if key.startswith(fixed)]
        shown = [
            f"{key.removeprefix(CONFIGURATION)} {_shown(theirs.get(key))} (here {here})"
            for key, here in ((key, _shown(ours.get(key))) for key in keys)
            if not f"{key}.".startswith(free)
        ]
        if shown:
            said = few(shown, MOST_SHOWN)
            yield f"The trials of {name} were made with another configuration: {said}."


def _differing(kept: Mapping[str, str], facts: Mapping[str, str]) -> list[str]:
    def before(key: str) -> str | None:
        return kept.get(key, "null" if key.startswith(CONFIGURATION) else None)

    return [key for key in {**kept, **facts} if before(key) != facts.get(key)]


def _refuse_foreign(study: Study, facts: Mapping[str, str]) -> None:
    """Refuse a study of another program if it has trials, or other directions.

    Nothing is known of such trials but numbers. Points that wait for a trial are accepted.
    """
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


def hold_to_baseline(study: Study, outside: Mapping[str, Any] | None) -> None:
    """Refuse to resume a study with another baseline than the one that it has outside the space.

    Such a baseline is composed anew for its confirmation; one inside is kept as a proposal.

    Args:
        outside: the baseline's values of the searched keys, if it lies outside the space.

    Raises:
        StudyError: the study was begun with another baseline; says which values it had.
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
    """Return lists and mappings as overrides write them; older studies have Python's form."""
    spelled = dict(values)
    for key, value in values.items():
        if isinstance(value, str) and value.startswith(("[", "{")):
            with suppress(ValueError, SyntaxError):
                spelled[key] = spell(literal_eval(value))
    return spelled


def leave_out(plan: Plan, study: Study) -> None:
    """Let only values of today's code count; queue the baseline again if its value does not.

    If there is no baseline today, one that still waits is withdrawn: it comes from the time when
    the study was about something else.
    """
    study.leave_out({row.number for row in _ended(study) if not plan.counts(row.code)})
    rows = study.rows()
    # A trial without a role was cut short while it was proposed, and may be the baseline.
    has_baseline = any(row.role in ("", "baseline") for row in rows if row.counts)
    has_room = not rows or len(rows) < plan.options.n_trials
    if plan.baseline_params is None:
        study.withdraw()
    elif not has_baseline and has_room:
        study.enqueue(plan.baseline_params, plan.outside)
    if not plan.options.confirm.only:
        best = best_points(study, plan.warm_start.n_best, plan.baseline_params)
        study.enqueue_once((*plan.enqueued, *best))


def sentences(plan: Plan, study: Study) -> Iterator[str]:
    """Yield sentences about values that other code, environments or configurations have made."""
    yield from resolved_otherwise(plan, study)
    yield from other_configurations(plan)
    ended = _ended(study)
    if ended and plan.source.digest is None:
        yield (
            f"The application's source is not known ({plan.source.reason}): the values of earlier "
            "trials count as today's."
        )
        return
    others = [code for code in imported_codes(study) if not plan.counts(code)]
    if others:
        yield (
            f"{len(others)} of the trials that the sampler learns from were made by other source "
            "code than today's."
        )
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
