"""What decided: the importances of the parameters."""

from html import escape

from plotly import graph_objects as go

from besom.results.report.data import Material
from besom.results.report.figures.base import BEST, axis, frame, place
from besom.results.report.markup import note
from besom.results.report.sections.section import Section
from besom.search.importance import FEWEST_TRIALS

TITLE = "Parameter importances"
METHOD = (
    "Importance of each parameter for being among the best tenth of the complete trials, or the "
    "best five (PED-ANOVA). Shares of one; of few trials they are rough."
)


def section(material: Material) -> Section | None:
    """A bar for each parameter, or why there are none."""
    if not material.scales or not material.complete:
        return None
    if not material.shares:
        return Section("importances", TITLE, note(_why_none(material)))
    # Plotly counts from below.
    keys, shares = list(material.shares)[::-1], list(material.shares.values())[::-1]
    rows = list(range(len(keys)))
    bars = go.Bar(
        orientation="h",
        x=shares,
        y=rows,
        text=[f"{share:.2f}" for share in shares],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        marker={"color": BEST},
        width=0.6,
    )
    left = axis(
        "", tickmode="array", tickvals=rows, ticktext=[escape(key) for key in keys], showgrid=False
    )
    figure = frame([bars], "importance", "", yaxis=left)
    figure.update_xaxes(rangemode="tozero")
    return Section(
        "importances", TITLE, place(figure, "importances-figure", METHOD, 90 + 30 * len(keys))
    )


def _why_none(material: Material) -> str:
    n_complete = len(material.complete)
    if n_complete < FEWEST_TRIALS:
        return f"{n_complete} complete trials: importances need {FEWEST_TRIALS} that differ."
    values = {
        tuple(material.value(trial, objective) for objective in material.objectives)
        for trial in material.complete
    }
    if len(values) == 1:
        return "All complete trials have the same value: no parameter decides anything."
    return "No parameter sets the best of the complete trials apart from the others."
