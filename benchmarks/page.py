"""Writes the figures of ``benchmarks/results/`` into ``docs/benchmarks.md``.

python -m benchmarks.page

Only the text between ``<!-- figures: NAME -->`` and ``<!-- end -->`` is replaced.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks import result, table
from benchmarks.__main__ import RESULTS
from benchmarks.commands import CHECKOUT
from benchmarks.result import Report

PAGE = CHECKOUT / "docs" / "benchmarks.md"
PLACE = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(page: str, reports: Mapping[str, Report]) -> str:
    """Return the page with the reports' figures in their places."""

    def figures(place: re.Match[str]) -> str:
        opening, name, closing = place.groups()
        text = machines(reports) if name == "machine" else _figures(reports.get(name))
        return f"{opening}{text}\n{closing}"

    return PLACE.sub(figures, page)


def read_reports(folder: Path = RESULTS) -> dict[str, Report]:
    """Return each script's last full report, by the script's name."""
    return {file.stem: result.read(file) for file in sorted(folder.glob("*.json"))}


def machines(reports: Mapping[str, Report]) -> str:
    """Return a line for each machine and set of versions, with the scripts that ran there."""
    places: dict[str, list[str]] = {}
    for name, report in reports.items():
        places.setdefault(_place(report), []).append(name)
    return "\n".join(f"- {', '.join(names)}: {place}" for place, names in places.items())


def _place(report: Report) -> str:
    machine = report.machine
    libraries = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; {libraries}"
    )


def _figures(report: Report | None) -> str:
    if report is None:
        return "Not measured yet."
    facts = (
        f"`{report.command}`, {report.date[:10]}, {report.seconds / 60:.0f} minutes; "
        f"load before it {report.machine['load_before']}"
    )
    return f"{table.markdown(report.rows)}\n\n{facts}"


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(), read_reports()))
