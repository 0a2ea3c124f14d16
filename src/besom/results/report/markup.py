"""Builds HTML safely: all that is not markup already is escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from besom.common import text

SHORT = 12
"""So many rows at most stay together on paper."""


class Markup(str):
    """Text that is HTML. Everything else that a page is made of comes from a record, which may
    hold anything."""


def html(content: object) -> Markup:
    """Content as HTML."""
    return content if isinstance(content, Markup) else Markup(escape(str(content)))


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """``element("p", "a < b", class_="note")``; an attribute that is None is left out."""
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
    """A table whose first column names; where the window is narrow each row becomes a paragraph."""
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
    """What is shown when asked for."""
    return element("details", element("summary", summary), *children)


def note(*children: object) -> Markup:
    """A remark in small letters."""
    return element("p", *children, class_="note")


def show(value: Any) -> str:
    """A value as people read it; a dash where there is none."""
    return "–" if value is None else text.show(value)


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading. ``name`` is its anchor."""

    name: str
    title: str
    body: Markup

    def html(self) -> Markup:
        return element("section", element("h2", self.title), self.body, id=self.name)
