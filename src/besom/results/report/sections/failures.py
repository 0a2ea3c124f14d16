"""What went wrong, by its cause."""

from collections import defaultdict
from collections.abc import Sequence

from besom.common.text import shorten
from besom.results.report.data import Material
from besom.results.report.figures.timeline import BROKEN
from besom.results.report.markup import Markup, details, element, join, note, table
from besom.results.report.sections.section import Section
from besom.tracking.reader import ReadRun

MOST_CAUSES = 20
MOST_NAMES = 10
LONGEST_CAUSE = 300
LONGEST = 20_000
"""Characters of a traceback; its end says most."""


def section(material: Material) -> Section | None:
    """A row for each cause, with one traceback; None where nothing failed or was lost."""
    causes = _causes(material)
    if not causes:
        return None
    first = sorted(causes.items(), key=lambda item: -len(item[1]))[:MOST_CAUSES]
    rows = [[_cause(cause), len(runs), _names(runs), _ended(runs)] for cause, runs in first]
    left = len(causes) - len(first)
    more = note(f"… and {left} more causes; `besom ui` shows all runs.") if left else ""
    texts = [_traceback(material, cause, runs) for cause, runs in first]
    body = [table(["cause", "runs", "trials", "what became of them"], rows), more, *texts]
    return Section("failures", "Failures", join(body))


def _causes(material: Material) -> dict[str, list[ReadRun]]:
    """Attempts that failed or were lost, by the error that was recorded."""
    causes: dict[str, list[ReadRun]] = defaultdict(list)
    for run in material.runs:
        state = _state(run)
        if state in BROKEN and run.status != "RUNNING":
            causes[run.tags.get("besom.error") or f"{state}, no cause recorded"].append(run)
    return causes


def _state(run: ReadRun) -> str:
    return run.tags.get("besom.state", run.status.lower())


def _cause(cause: str) -> Markup:
    return element("span", shorten(cause, LONGEST_CAUSE), class_="cause")


def _names(runs: Sequence[ReadRun]) -> str:
    numbers = [run.tags.get("besom.trial") or run.tags.get("besom.confirms", "") for run in runs]
    named = list(dict.fromkeys(numbers))
    left = len(named) - MOST_NAMES
    return ", ".join(named[:MOST_NAMES]) + (f" and {left} more" if left > 0 else "")


def _ended(runs: Sequence[ReadRun]) -> str:
    """``failed``, or that these attempts were lost, which a later one made up for."""
    states = sorted({_state(run) for run in runs})
    return ", ".join(states)


def _traceback(material: Material, cause: str, runs: Sequence[ReadRun]) -> Markup:
    """That of the first run that has one."""
    failed = [run for run in runs if _state(run) == "failed"]
    text = material.reader.text(failed[0].run_id, "traceback.txt") if failed else None
    if not text or text.strip() == cause:
        return Markup()
    return details(
        f"Traceback of {failed[0].name}: {cause[:120]}", element("pre", text[-LONGEST:].strip())
    )
