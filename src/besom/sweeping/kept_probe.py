"""What dry runs have measured, kept for the next one: a measurement takes seconds.

A file per measurement, named by what the cost depends on.
"""

import hashlib
import json
import math
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from besom import __version__
from besom.cores import cores
from besom.flatten import flatten
from besom.folders import make_private, replace_text
from besom.sweeping.plan import Plan
from besom.sweeping.probe import Probe

LIFETIME = timedelta(days=30)
"""The machine, and what else it does, changes without a name that could be part of the key."""


@dataclass(frozen=True)
class KeptProbe:
    """A measurement and when it was made, in local time."""

    probe: Probe
    date: datetime


def recall(plan: Plan) -> KeptProbe | None:
    """The measurement of an equal baseline; None where there is none, or an old or damaged one."""
    file = _file(plan)
    if file is None:
        return None
    try:
        content = json.loads(file.read_text())
        kept = KeptProbe(Probe(**content["probe"]), datetime.fromisoformat(content["date"]))
        is_young = datetime.now() - kept.date < LIFETIME
        is_sound = all(math.isfinite(number) and number >= 0 for number in astuple(kept.probe))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return kept if is_young and is_sound else None


def keep(plan: Plan, probe: Probe) -> None:
    """Keep a measurement, if the task names a folder; one that cannot be written is not kept."""
    file = _file(plan)
    if file is None:
        return
    content = {"date": datetime.now().isoformat(timespec="seconds"), "probe": asdict(probe)}
    with suppress(OSError):
        make_private(file.parent)
        replace_text(file, json.dumps(content))


def _file(plan: Plan) -> Path | None:
    folder = plan.hooks.measurements
    return folder() / f"{_key(plan)}.json" if folder else None


def _key(plan: Plan) -> str:
    """Of the baseline less its places, the data, the short run, and the threads of a worker."""
    places = tuple(f"{place}." for place in plan.hooks.places)
    facts = {
        "besom": __version__,
        "baseline": {
            key: value
            for key, value in flatten(plan.baseline).items()
            if not f"{key}.".startswith(places)
        },
        "identity": dict(plan.hooks.identity(plan.baseline)),
        "probe": plan.hooks.probe,
        "threads": max(1, cores() // plan.options.n_jobs),
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
