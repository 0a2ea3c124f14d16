"""Prints at once what a sweep is about to do. Loads nothing heavy."""

import math
import textwrap
from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from besom.common.addresses import mask
from besom.common.flatten import short_names
from besom.common.terminal.table import terminal_width
from besom.common.text import duration
from besom.search.constraints import Constraints
from besom.search.objective import Objective
from besom.search.options import AUTO, SweepOptions
from besom.search.space.space import Space
from besom.search.stopping.rules import describe
from besom.search.trial_row import TrialRow
from besom.search.warm_start.options import source_names
from besom.sweep.confirmation.seeds import direction_of
from besom.workers.resources import read_resources

WIDTH = 80
"""Columns, if there is no terminal to ask."""
MOST_LINES = 4
"""For the names of the searched keys."""
LABEL = 11
MOST_COUNTED = 1e15
"""From this number of points on, only the order of magnitude is printed."""


def print_opening(
    options: SweepOptions, objective: Objective, space: Space, n_enqueued: int | None
) -> None:
    """Print the study, its objective, the size of its space, its workers, and where it writes.

    Nothing is printed for a dry run, which prints more by itself.
    """
    if options.dry_run:
        return
    console = Console(emoji=False)
    for line in opening(options, objective, space, n_enqueued):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def opening(
    options: SweepOptions, objective: Objective, space: Space, n_enqueued: int | None = 0
) -> list[str]:
    """Return the lines, of at most 80 columns unless names or paths are longer.

    Args:
        n_enqueued: how many points are tried first; None if ``best N`` is not known yet.
    """
    facts = {
        "objective": objective.described,
        "space": _space(options, space),
        "feasible": str(Constraints.read(options.constraints)),
        "trials": _confirmed(options) if options.confirm.only else _trials(options, n_enqueued),
        "warm start": ", ".join(map(mask, source_names(options.warm_start))),
        "each gets": of_each_worker(options),
        "ends early": "" if options.confirm.only else ends_early(options),
        "confirm": _confirmation(options, objective),
        "writes to": _places(options),
    }
    head = "Confirmation of" if options.confirm.only else "Sweep"
    return [
        f"{head} {options.study_name}",
        *(line for name, text in facts.items() if text for line in _fact(name, text).split("\n")),
    ]


def print_data(described: str, console: Console) -> None:
    """Print what data the task has found, see :attr:`besom.app.hooks.Hooks.describe`."""
    if described:
        console.print(
            _fact("data", _wrapped(described)), markup=False, highlight=False, soft_wrap=True
        )


def print_so_far(
    rows: Sequence[TrialRow], n_trials: int, confirms_only: bool, console: Console
) -> None:
    """Print what a resumed study holds and what remains; nothing for a new study."""
    if rows:
        said = _fact("so far", _so_far(rows, n_trials, confirms_only))
        console.print(said, markup=False, highlight=False, soft_wrap=True)


def _so_far(rows: Sequence[TrialRow], n_trials: int, confirms_only: bool) -> str:
    """Return ``7 of 12 trials ended (2 pruned, 1 failed); 5 remain, 1 of them begun``."""
    counts = Counter(row.state for row in rows)
    n_begun = counts.pop("running", 0)
    n_ended = counts.total()
    others = ", ".join(
        f"{counts[state]} {state}" for state in ("pruned", "failed") if counts[state]
    )
    how = f" ({others})" if others else ""
    if confirms_only:
        return f"{counted(n_ended, 'trial')} ended{how}"
    done = f"{n_ended} of {n_trials} trials ended{how}"
    n_left = max(n_begun, n_trials - n_ended)
    if not n_left:
        return f"{done}; none remains"
    return f"{done}; {n_left} remain{'s' if n_left == 1 else ''}" + (
        f", {n_begun} of them begun" if n_begun else ""
    )


def _fact(name: str, text: str) -> str:
    return f"  {name:<{LABEL}}{text}"


def _space(options: SweepOptions, space: Space) -> str:
    """Return ``24 points: model, units``, or ``continuous, 2 axes: units, learning_rate``."""
    custom = options.custom_search_space
    names = [*short_names(d.key for d in space.dimensions).values()]
    if not names:
        return f"what {custom} suggests" if custom else "one configuration"
    size = "continuous" if math.isinf(space.size) else counted(space.size, "point")
    shown = f"{size}, {counted(len(names), 'axis', 'axes')}: {', '.join(names)}"
    return _wrapped(shown) + (f"; and what {custom} suggests" if custom else "")


def _wrapped(text: str) -> str:
    """Break a text at spaces into lines as wide as the terminal."""
    room = (terminal_width() or WIDTH) - LABEL - 2
    lines = textwrap.wrap(
        text,
        room,
        max_lines=MOST_LINES,
        placeholder=" …",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"\n{'':{LABEL + 2}}".join(lines)


def counted(number: float, what: str, several: str = "") -> str:
    """Return ``3 trials`` or ``1 axis``."""
    shown = f"{number:,.0f}" if number < MOST_COUNTED else f"{number:.0e}"
    return f"{shown} {what if number == 1 else several or what + 's'}"


def _trials(options: SweepOptions, n_enqueued: int | None) -> str:
    pruner = "" if options.pruner.name == "none" else f", pruned by {options.pruner.name}"
    enqueued = "" if n_enqueued == 0 else f", {_enqueued(options, n_enqueued)} enqueued"
    return f"{options.n_trials:,} by {options.sampler.name}{enqueued}{pruner}; {_workers(options)}"


def _enqueued(options: SweepOptions, number: int | None) -> str:
    """Return ``3``, or ``the best 5 of others``."""
    if not isinstance(options.enqueue, str):
        return str(number)
    return f"the {options.enqueue if number is None else f'best {number}'} of others"


def of_each_worker(options: SweepOptions) -> str:
    """Return ``4 cores, 0.5 GPU, 4 GiB``; empty if no resources of a worker were given."""
    asked = options.resources
    return str(read_resources(asked.cpus, asked.gpus, asked.memory))


def ends_early(options: SweepOptions) -> str:
    """Return ``after 2 h 00 min, or at 0.86``: what may end a sweep before all trials are done."""
    late = "" if options.timeout is None else f"after {duration(options.timeout)}"
    return ", or ".join(filter(None, (late, describe(options.stop))))


def _confirmed(options: SweepOptions) -> str:
    return f"no more; {_workers(options)}"


def _workers(options: SweepOptions) -> str:
    """Return ``2 workers``, and where they are if Ray runs them."""
    of_cluster = "as many workers as there is room for"
    workers = of_cluster if options.n_jobs == AUTO else counted(options.n_jobs, "worker")
    if options.pool != "ray":
        return workers
    address = options.ray.address
    return f"{workers}, by Ray {'on this machine' if address is None else f'at {mask(address)}'}"


def _confirmation(options: SweepOptions, objective: Objective) -> str:
    """Return which trials are confirmed, on how many seeds, and by which metric and direction."""
    asked = options.confirm
    if not asked.top_k:
        return ""
    metric = asked.metric or objective.label
    how = f"by {metric} ({direction_of(asked, objective)})"
    return f"baseline and best {asked.top_k} on {asked.seeds} seeds, {how}"


def _places(options: SweepOptions) -> str:
    places = [f"{options.root}/"]
    places += [f"MLflow at {mask(options.tracking_uri)}"] if options.tracking_uri else []
    places += [f"Optuna's database at {mask(options.storage)}"] if options.storage else []
    return ", ".join(places)
