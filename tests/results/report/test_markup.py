import pytest

from besom.results.report.markup import Markup, element, join, seconds, show, table


def test_what_is_not_markup_is_escaped() -> None:
    assert element("p", "a < b & 'c'", Markup("<br>"), title='"x"') == (
        '<p title="&quot;x&quot;">a &lt; b &amp; &#x27;c&#x27;<br></p>'
    )


def test_attributes_that_python_cannot_name() -> None:
    assert element("a", class_="x", aria_label="y", id=None) == '<a class="x" aria-label="y"></a>'


def test_what_is_joined_is_escaped() -> None:
    assert join(["<", Markup("<"), 3]) == "&lt;<3"


def test_a_table_names_its_rows() -> None:
    html = table(["", "a<"], [["x", 1.5]])
    assert '<th scope="col">a&lt;</th>' in html
    assert '<th scope="row">x</th><td>1.5</td>' in html


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (17, "17"), (None, "–"), ("adam", "adam")]
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0.04, "0.0 s"), (4.25, "4.2 s"), (200.4, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_durations(duration: float, text: str) -> None:
    assert seconds(duration) == text
