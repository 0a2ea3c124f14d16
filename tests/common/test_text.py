import pytest

from besom.common.text import (
    duration,
    listed_numbers,
    shorten,
    shorten_middle,
    shorten_words,
    show,
    storable,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(322113.0, "322113"), (1.5e20, "1.5e+20"), (0.123456, "0.1235"), (17, "17"), ("adam", "adam")],
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (4.25, "4.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (200.4, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_is_too_long_loses_its_end_or_its_middle() -> None:
    assert (shorten("abc", 3), shorten("abcd", 3)) == ("abc", "ab…")
    assert (shorten_middle("abcd", 4), shorten_middle("abcdef", 4)) == ("abcd", "ab … ef")
    assert [shorten_words("ab cd ef", limit) for limit in (8, 7, 4, 2)] == [
        "ab cd ef",
        "ab cd …",
        "ab …",
        "a…",
    ]


def test_bytes_that_are_no_characters_are_written_out() -> None:
    assert storable("a\udcff\0") == "a\\udcff\\x00"


def test_numbers_in_a_row_are_said_by_their_ends() -> None:
    assert listed_numbers([5, 3, 4, 0, 7, 8]) == "0, 3 to 5, 7 to 8"
