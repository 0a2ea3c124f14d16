"""Builds HTML safely: everything that is not yet markup is escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from besom.common import text

SHORT = 12
"""A table of at most this many rows is not split between pages on paper."""


class Markup(str):
    """Text that is HTML already. All other text of a page comes from the record and may contain
    anything, so it is escaped."""


def html(content: object) -> Markup:
    """Return content as HTML."""
    return content if isinstance(content, Markup) else Markup(escape(str(content)))


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """Return an element: ``element("p", "a < b", class_="note")``. None omits an attribute."""
    given = (
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{''.join(given)}>{join(children)}</{tag}>")


def join(parts: Iterable[object]) -> Markup:
    return Markup("".join(map(html, parts)))


def table(
    head: Sequence[object], rows: Iterable[Iterable[object]], class_: str | None = None
) -> Markup:
    """Return a table whose first column has the names of the rows.

    In a narrow window each row becomes a paragraph.
    """
    body = [
        element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))
        for name, *cells in rows
    ]
    top = element("tr", *(element("th", cell, scope="col") for cell in head))
    return element(
        "div",
        element("table", element("thead", top), element("tbody", *body), class_=class_),
        class_="scroll short" if len(body) <= SHORT else "scroll",
        tabindex=0,
    )


def details(summary: object, *children: object) -> Markup:
    """Return a block that is hidden until a click on its summary."""
    return element("details", element("summary", summary), *children)


def note(*children: object) -> Markup:
    """Return a remark in small letters."""
    return element("p", *children, class_="note")


def show(value: Any) -> str:
    """Return a value as text for people; a dash for None."""
    return "–" if value is None else text.show(value)


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading. ``name`` is its anchor."""

    name: str
    title: str
    body: Markup

    def html(self) -> Markup:
        return element("section", element("h2", self.title), self.body, id=self.name)
