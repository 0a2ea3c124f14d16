"""Search spaces in Hydra's sweep grammar, valid and invalid."""

import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st

from besom.common.errors import SpaceError
from besom.search.space.grammar import read_space
from besom.search.space.space import Dimension, Space
from besom.search.storage.database import memory_study
from tests.fuzz.harness import bounded, examples, refused

# Optuna warns about numbers with more digits than a float has.
pytestmark = pytest.mark.filterwarnings("ignore:The distribution is specified by")

NUMBERS = st.one_of(
    st.integers(-20, 20),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(["1e12", "1e-12", "1e400", "-0.0", "0.1", "nan", "inf", "-inf", "1_000"]),
).map(str)
WORDS = st.sampled_from(
    [
        "a",
        "'a b'",
        "null",
        "true",
        "1",
        "1.0",
        "[1,2]",
        "{a:1}",
        "",
        "a=b",
        "${x}",
        "\\,",
        "é",
        "'café'",
        "'",
    ]
)
SCALARS = st.one_of(NUMBERS, WORDS, st.text(max_size=5))
TAGS = st.sampled_from(["log", "int", "a,b", ""])


class Groups:
    """A stand-in for Hydra's loader, in which `k` is a config group."""

    def get_group_options(self, group: str, results_filter: object = None) -> list[str]:
        return ["a", "ab", "b"] if group == "k" else []


def call(name: str, *arguments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*arguments).map(lambda given: f"{name}({','.join(given)})")


def listed(elements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(elements, max_size=4).map(",".join)


SIMPLE = st.one_of(
    call("range", NUMBERS, NUMBERS),
    call("range", NUMBERS, NUMBERS, NUMBERS),
    call("range", NUMBERS, NUMBERS, NUMBERS.map("step={}".format)),
    call("interval", NUMBERS, NUMBERS),
    call("choice", listed(SCALARS)),
    call("glob", SCALARS),
    listed(SCALARS),
)


def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        call("tag", TAGS, inner),
        *(call(name, inner) for name in ("sort", "shuffle", "int", "float", "str", "choice")),
        call("sort", inner, st.just("reverse=true")),
        call("range", inner, inner),
        listed(inner),
    )


EXPRESSIONS = st.recursive(SIMPLE, wrapped, max_leaves=3)


def probe(dimension: Dimension, space: Space) -> None:
    """Do everything that a dry run and a sweep do with a dimension, and check the values."""
    assert dimension.describe()
    assert all(dimension.contains(value) for value in dimension.extremes())
    values = dimension.values()
    assert values is None or dimension.contains(values[-1])
    assert space.size >= 1 and (values is None) == math.isinf(space.size)
    study = memory_study(["minimize"])
    for _ in range(3):
        value = study.ask(space.distributions).params[dimension.key]
        assert dimension.contains(value)
        (override,) = OverridesParser.create().parse_overrides([dimension.override(value)])
        assert not override.is_sweep_override()
        if not isinstance(value, str):
            assert override.value() == value


@examples(150)
@given(EXPRESSIONS)
@example("range(0,1e12)")
@example("range(0,1000000000000)")
@example("shuffle(range(0,1000000000000))")
@example("sort(range(0,1000000000000))")
@example("int(interval(0,1e30))")
@example("glob(a),glob(a)")
@example("int(sort(range(9007098131061211.0,0,-101123814203)))")
@example("interval(-1e308,1e308)")
def test_a_space_is_searched_or_refused(expression: str) -> None:
    with bounded():
        try:
            space = read_space({}, [f"k={expression}"], loader=Groups())
        except SpaceError as error:
            refused(error)
            return
        for dimension in space.dimensions:
            probe(dimension, space)


@examples(50)
@given(st.dictionaries(st.text(max_size=5), EXPRESSIONS | st.integers() | st.none(), max_size=3))
def test_params_are_read_or_refused(params: dict[str, object]) -> None:
    with bounded():
        try:
            read_space(params, [], loader=Groups())
        except SpaceError as error:
            refused(error)
