from besom.results.report.markup import Markup, element, join, table


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
