import math
import random

import pytest

from besom.search.importance import FEWEST_TRIALS, importances

N = 60
DICE = random.Random(0)
ROWS = [
    {"x": DICE.random(), "units": DICE.randrange(8, 65, 8), "kind": DICE.choice(["a", "b"])}
    for _ in range(N)
]
SPACE = {"x": "interval(0,1)", "units": "range(8,65,step=8)", "kind": "choice(a,b)"}


@pytest.mark.parametrize("expressions", [SPACE, {}, {"x": "no sweep", "kind": "choice(c,d)"}])
def test_finds_what_decides(expressions: dict[str, str]) -> None:
    values = [(row["x"] + 0.01 * row["units"] / 64,) for row in ROWS]
    shares = importances(ROWS, values, ["maximize"], expressions)
    assert next(iter(shares)) == "x" and shares["x"] > 0.5
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_the_direction_counts() -> None:
    rows = [{"x": n, "y": n % 3} for n in range(N)]
    values = [(float(row["y"] if row["x"] < 30 else 5 + row["x"] % 2),) for row in rows]
    assert importances(rows, values, ["minimize"], {}) != importances(
        rows, values, ["maximize"], {}
    )


def test_parameters_that_some_trials_lack_are_borne() -> None:
    rows = [row if row["kind"] == "a" else {k: row[k] for k in ("x", "kind")} for row in ROWS]
    values = [(row.get("units", 0) / 64,) for row in rows]
    shares = importances(rows, values, ["maximize"], SPACE)
    assert set(shares) == {"x", "units", "kind"} and shares["x"] < 0.5


def test_several_objectives_are_borne() -> None:
    values = [(row["x"], -row["x"] - row["units"]) for row in ROWS]
    assert set(importances(ROWS, values, ["maximize", "minimize"], SPACE)) == {"x", "units", "kind"}


@pytest.mark.parametrize(
    "values",
    [
        [None, True, 1, "text"] * 5,
        [1e-5 * 10**n for n in range(20)],
        ["[1,2]", "[3]"] * 10,
        [math.nan, 1.0] * 10,
        [1, 1.0, 2, 2.5] * 5,
    ],
)
def test_any_values_are_borne(values: list[object]) -> None:
    rows = [{"x": value, "n": n} for n, value in enumerate(values)]
    shares = importances(rows, [(float(n % 7),) for n in range(20)], ["minimize"], {})
    assert set(shares) == {"x", "n"}


def test_too_few_trials_tell_nothing() -> None:
    few = ROWS[: FEWEST_TRIALS - 1]
    assert importances(few, [(row["x"],) for row in few], ["maximize"], SPACE) == {}


def test_values_that_are_no_numbers_do_not_count() -> None:
    values = [(row["x"] if n < FEWEST_TRIALS - 1 else math.nan,) for n, row in enumerate(ROWS)]
    assert importances(ROWS, values, ["maximize"], SPACE) == {}


@pytest.mark.parametrize("rows", [[{"x": 1}] * N, [{}] * N])
def test_nothing_decides_where_nothing_differs(rows: list[dict[str, int]]) -> None:
    assert importances(rows, [(float(n),) for n in range(N)], ["maximize"], {}) == {}


def test_nothing_decides_where_all_values_are_equal() -> None:
    assert importances(ROWS, [(1.0,)] * N, ["maximize"], SPACE) == {}
