"""What a report is made of."""

from dataclasses import dataclass

from besom.results.report.markup import Markup, element


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading. ``name`` is its anchor."""

    name: str
    title: str
    body: Markup

    def html(self) -> Markup:
        return element("section", element("h2", self.title), self.body, id=self.name)
