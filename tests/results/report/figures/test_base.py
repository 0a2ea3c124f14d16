import pytest

from besom.results.report.figures.base import Scale


def test_numbers_lie_by_their_size() -> None:
    scale = Scale.of("units", [64, 8, 32, 8])
    assert scale.numbers == (8, 32, 64) and not scale.is_log
    assert [scale.share(value) for value in (8, 36, 64)] == [0, 0.5, 1]
    assert scale.ticks() == ([8, 32, 64], ["8", "32", "64"])


def test_wide_positive_numbers_lie_by_their_logarithm() -> None:
    scale = Scale.of("learning_rate", [1e-4, 1e-1, 1e-3])
    assert scale.is_log
    assert scale.share(1e-3) == pytest.approx(1 / 3)


def test_what_was_searched_by_its_logarithm_lies_so() -> None:
    scale = Scale.of("learning_rate", [0.001 * number for number in range(1, 31)], True)
    assert scale.is_log
    assert scale.ticks()[1] == ["0.001", "0.002", "0.005", "0.01", "0.02"]
    assert Scale.of("rate", [1.1 + 0.01 * number for number in range(9)], True).ticks()[1] == [
        "1.1",
        "1.18",
    ]
    assert not Scale.of("dropout", [0, 0.5], True).is_log, "0 has no logarithm"


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([number / 7 for number in range(71)], ["0", "2", "4", "6", "8", "10"]),
        ([10.0 ** (-4 + number / 10) for number in range(31)], ["0.0001", "0.001", "0.01", "0.1"]),
        (range(-30, 31, 5), ["-20", "0", "20"]),
    ],
)
def test_many_numbers_have_round_marks(values: list[float], texts: list[str]) -> None:
    assert Scale.of("x", values).ticks()[1] == texts


@pytest.mark.parametrize("values", [["gru", "lstm"], [True, False], [1, "auto"], [None, 3]])
def test_what_is_no_number_is_a_choice(values: list[object]) -> None:
    scale = Scale.of("x", [*values, values[0]])
    assert scale.choices == tuple(sorted(map(str, values)))
    assert sorted(scale.place(value) for value in values) == [0, 1]


@pytest.mark.parametrize(("values", "differs"), [([], False), ([1, 1], False), ([1, 2], True)])
def test_says_whether_anything_differs(values: list[int], differs: bool) -> None:
    assert Scale.of("x", values).differs is differs
