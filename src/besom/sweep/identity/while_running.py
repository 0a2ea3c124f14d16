"""Notices source files and data that change while a sweep runs."""

from besom.app.source import source_now, source_of
from besom.common.errors import UserError
from besom.common.text import few
from besom.sweep.identity.composed_values import MOST_SHOWN
from besom.sweep.identity.fingerprint import difference, identity_of, places_of
from besom.sweep.plan import Plan


def identity_changes(plan: Plan) -> str:
    """Return how the baseline's identity has changed since the sweep began; empty if it has not.

    If the hook can no longer tell the identity, because a file is gone, say, that is a change too.
    """
    before = plan.identity
    try:
        now = plan.hooks.identity(plan.baseline)
    except UserError as error:
        return str(error)
    except Exception as error:
        return f"the task's hook identity raises {type(error).__name__}: {error}"
    places = places_of(plan)
    return "; ".join(
        difference(identity_of(key), before.get(key), now.get(key), places)
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    )


def source_changes(plan: Plan) -> str:
    """Return which source files a new worker imports that differ from the first workers'.

    The result is empty if there are none, or if values of any source count. A new file, which a
    task may write, is no change. The nodes of a cluster are not checked: they were sent the files
    at the start.
    """
    is_sent = plan.options.pool == "ray" and plan.options.ray.address is not None
    if is_sent or plan.counted.digest is None:
        return ""
    task, names = plan.application.task, plan.source.names
    before, now = source_of(task, names).files, source_now(task, names).files
    changed = [name for name, digest in before.items() if now.get(name) != digest]
    return f"{few(changed, MOST_SHOWN)}, which a new worker has imported" if changed else ""
