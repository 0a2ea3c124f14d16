import pytest

from besom.common.suggest import did_you_mean, suggested_ids, suggestion

KEYS = ["model", "model.units", "model.dropout", "data.name", "model.name", "seed"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("modle", "model"),
        ("model.unit", "model.units"),
        ("modle.units", "model.units"),
        ("units", "model.units"),
        ("training.units", "model.units"),
        ("model.foo", None),  # sharing only "model." is not enough
        ("name", None),  # two keys end with it
        ("lr", None),
    ],
)
def test_finds_what_was_meant(word: str, found: str | None) -> None:
    assert suggestion(word, KEYS) == found


def test_says_otherwise_where_nothing_is_near() -> None:
    assert did_you_mean("zzz", KEYS, "there are many") == "there are many"
    assert did_you_mean("sed", KEYS, "there are many") == "did you mean `seed`?"
    assert suggestion("anything", []) is None


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("3f2a77", ["3f2a77d09c1b"]),  # pragma: allowlist secret
        ("3f", ["3f2a77d09c1b", "3f9911aa0245"]),  # pragma: allowlist secret
        ("3f2a77d09c1c", ["3f2a77d09c1b"]),  # pragma: allowlist secret
        ("000000000000", []),
    ],
)
def test_the_nearest_ids_begin_so_or_have_few_other_digits(word: str, found: list[str]) -> None:
    assert suggested_ids(word, ["3f2a77d09c1b", "3f9911aa0245"]) == found
