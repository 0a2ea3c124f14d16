"""With what the runs were made: code, packages, machine, data."""

from collections import Counter

from besom.results.report.data import Material
from besom.results.report.markup import Markup, details, element, join, table
from besom.results.report.sections.section import Section

# How it is called here -> tag.
FACTS = {
    "command": "besom.command",
    "Besom": "besom.version",
    "source": "besom.code",
    "commit": "besom.git.commit",
    "uncommitted changes": "besom.git.dirty",
    "Python": "besom.python",
    "system": "besom.platform",
    "processor": "besom.processor",
    "host": "besom.host",
    "threads": "threads",
    "data": "data.name",
    "data digest": "data.digest",
    "engine": "engine",
}
MAIN_PACKAGES = ("tensorflow", "keras", "optuna", "mlflow", "hydra-core", "numpy")
MOST_VALUES = 4


def section(material: Material) -> Section:
    """A row for each fact; where runs differ, how many have which."""
    rows = [[name, found] for name, tag in FACTS.items() if (found := _values(material, tag))]
    packages = _packages(material)
    main = [pin for pin in packages if pin.partition("==")[0].lower() in MAIN_PACKAGES]
    if main:
        rows.append(["packages", ", ".join(pin.replace("==", " ") for pin in main)])
    body = [table(["", "as recorded"], rows), _all(packages)]
    return Section("environment", "Environment", join(body))


def _values(material: Material, tag: str) -> str:
    counts = Counter(run.tags[tag] for run in material.runs if tag in run.tags)
    if len(counts) <= 1:
        return next(iter(counts), "")
    shown = [f"{value} ({n_runs} runs)" for value, n_runs in counts.most_common(MOST_VALUES)]
    left = len(counts) - MOST_VALUES
    return "; ".join(shown) + (f"; and {left} more" if left > 0 else "")


def _packages(material: Material) -> list[str]:
    """The pins of the best trial, or of the first there is."""
    trial = material.best or next(iter(material.study.trials))
    return (material.reader.text(trial.run.run_id, "packages.txt") or "").split()


def _all(packages: list[str]) -> Markup:
    if not packages:
        return Markup()
    return details(f"All {len(packages)} packages", element("pre", "\n".join(packages)))
