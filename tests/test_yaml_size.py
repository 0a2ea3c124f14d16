"""Sizes of YAML files, whose aliases are written out."""

import math

import pytest

from besom.yaml_size import n_values

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 50))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("a: [", 0),
        ("a", 1),
        ("a: {b: [1, 2]}", 7),
        ("a: &a [1]\nb: *a", 7),
        ("a: &a [*a]", math.inf),
        ("[" * 5000 + "]" * 5000, math.inf),
    ],
)
def test_counts_what_will_be_there(text: str, number: float) -> None:
    assert n_values(text) == number


def test_a_few_lines_may_stand_for_more_than_there_is_memory() -> None:
    assert n_values(LAUGHS) > 2**50
