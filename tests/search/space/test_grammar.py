import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from besom.common.errors import SpaceError
from besom.search.space.grammar import read_space
from besom.search.space.space import Dimension, spell


def dimension(text: str) -> Dimension:
    (found,) = read_space({}, [text], loader=None).dimensions
    return found


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("k=choice(a,b)", CategoricalDistribution(("a", "b"))),
        ("k=16,32", CategoricalDistribution((16, 32))),
        ("k=true,null,'a b'", CategoricalDistribution((True, None, "a b"))),
        ("k=range(8,65,step=8)", IntDistribution(8, 64, step=8)),
        ("k=range(1,4)", IntDistribution(1, 3)),
        ("k=range(0,0.5,step=0.1)", FloatDistribution(0.0, 0.4, step=0.1)),
        ("k=range(0,0.8,step=0.1)", FloatDistribution(0.0, 0.7, step=0.1)),
        ("k=range(0.6,2,step=1)", FloatDistribution(0.6, 1.6, step=1.0)),
        ("k=range(10,1,step=-3)", IntDistribution(4, 10, step=3)),
        ("k=range(0.4,0,step=-0.1)", FloatDistribution(0.1, 0.4, step=0.1)),
        ("k=sort(range(1,5),reverse=true)", IntDistribution(1, 4)),
        ("k=shuffle(range(1,5))", IntDistribution(1, 4)),
        ("k=sort(c,a,b)", CategoricalDistribution(("a", "b", "c"))),
        ("k=shuffle(c,a,b)", CategoricalDistribution(("c", "a", "b"))),
        ("k=interval(1,5)", FloatDistribution(1, 5)),
        ("k=int(interval(1,5))", IntDistribution(1, 5)),
        ("k=tag(log,interval(1e-5,1e-1))", FloatDistribution(1e-5, 1e-1, log=True)),
        ("k=tag(log,int(interval(1,512)))", IntDistribution(1, 512, log=True)),
        ("k=tag(log,range(1,1000))", IntDistribution(1, 999, log=True)),
        ("k=tag(log,range(9,1,step=-1))", IntDistribution(2, 9, log=True)),
    ],
)
def test_reads_hydras_grammar(text: str, distribution: object) -> None:
    assert dimension(text).distribution == distribution


@pytest.mark.parametrize(
    "text",
    [
        "k=range(8,2)",
        "k=range(8,8)",
        "k=range(1,9,step=-1)",
        "k=range(0,1e9)",
        "k=interval(5,1)",
        "k=interval(2,2)",
        "k=interval(nan,1)",
        "k=interval(0,inf)",
        "k=tag(log,interval(0,1))",
        "k=interval(",
        "k=choice(0,false,0.5)",
        "k=choice(nan,1)",
        "k=range(1,3),range(5,7)",
        "k=interval(-1e308,1e308)",
        "k=int(interval(0,1e30))",
        "k=tag(log,range(0,100))",
        "k=tag(log,range(1,100,step=2))",
        "k=tag(log,range(1,2,step=0.1))",
        "k=tag(logg,range(1,100))",
        "k=tag(logg,interval(1,2))",
        "k=tag(LOG,int(interval(1,9)))",
    ],
)
def test_refuses_what_cannot_be_searched(text: str) -> None:
    with pytest.raises(SpaceError):
        read_space({}, [text], loader=None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k=choice('a b',c)", "a b"),
        ("k=choice('café',x)", "café"),
        ("k=choice([1,2],[3])", "[1,2]"),
        ('k=choice("it\'s",x)', "it's"),
        ("k=null,1", None),
        ("k=choice(true,false)", False),
        ("k=interval(0,1)", 1e-07),
        ("k=int(interval(0,9))", 7),
    ],
)
def test_a_proposal_reads_back_as_its_value(text: str, value: object) -> None:
    (override,) = OverridesParser.create().parse_overrides([dimension(text).override(value)])
    read = override.value()
    assert read == ([1, 2] if value == "[1,2]" else value)
    assert type(read) is type(value) or value == "[1,2]"


@pytest.mark.parametrize("text", ["k=range(-1,0,0.1)", "k=range(0,0.8,step=0.1)", "k=range(3,17)"])
def test_each_value_of_a_range_lies_in_it(text: str) -> None:
    """Also the last value, which sums of floats may miss by a rounding error."""
    found = dimension(text)
    values = found.values()
    assert values and [value for value in values if not found.contains(value)] == []
    assert (values[0], values[-1]) == tuple(found.extremes())


def test_the_command_line_wins_over_params() -> None:
    params = {"a": "range(1,9)", "b": "choice(1,2)", "c": "interval(0,1)"}
    space = read_space(params, ["b=2", "a=range(3,5)", "d=7"], loader=None)
    assert {d.key: d.text for d in space.dimensions} == {"a": "range(3,5)", "c": "interval(0,1)"}
    assert space.overrides == ("b=2", "d=7")
    assert space.propose({"a": 4, "extra": "x y"}) == ("b=2", "a=4", "d=7", "extra='x y'")
    assert space.removed == {"b": "b=2"}


@pytest.mark.parametrize(
    ("params", "words", "proposed"),
    [
        ({}, ["opt={lr:3,mom:4},{lr:5,mom:6}", "opt.lr=7"], ["opt={lr:3,mom:4}", "opt.lr=7"]),
        ({"opt": "{a:1,b:1},{a:2,b:2}"}, ["opt.a=7"], ["opt={a:1,b:1}", "opt.a=7"]),
        ({}, ["~opt", "+opt={lr:1},{lr:2}"], ["~opt", "+opt={lr:1}"]),
        ({}, ["opt={lr:3}", "opt={mom:9}", "x=1,2"], ["opt={lr:3}", "opt={mom:9}", "x=1"]),
        ({}, ["~opt.mom", "x=1,2", "+opt.mom=9"], ["~opt.mom", "x=1", "+opt.mom=9"]),
        ({}, ["+opt.a=1", "opt.a=2", "x=1,2"], ["+opt.a=1", "opt.a=2", "x=1"]),
        ({"y": "5"}, ["opt={a:1},{a:2}", "opt={b:3}"], ["y=5", "opt={a:1}", "opt={b:3}"]),
        ({"lr": "1,2"}, ["~lr", "+lr=3,4"], ["~lr", "+lr=3"]),
    ],
)
def test_overrides_keep_their_order(
    params: dict[str, str], words: list[str], proposed: list[str]
) -> None:
    space = read_space(params, words, loader=None)
    assert space.removed == {}
    assert [*space.propose(next(space.corners()))] == proposed


def test_params_are_a_tree_and_null_takes_a_key_out_of_the_search() -> None:
    params = {"opt": {"lr": "interval(0.1,0.2)", "mom": 3}, "x": None, "y": None}
    space = read_space(params, ["y=1,2"], loader=None)
    assert {d.key: d.text for d in space.dimensions} == {"opt.lr": "interval(0.1,0.2)", "y": "1,2"}
    assert space.overrides == ("opt.mom=3",)
    assert space.removed == {"x": "hydra.sweeper.params.x=null"}


def test_a_list_in_params_is_no_search() -> None:
    with pytest.raises(SpaceError) as refusal:
        read_space({"lr": [0.1, 0.2]}, [], loader=None)
    assert str(refusal.value) == (
        "hydra.sweeper.params.lr=[0.1,0.2] is one list; `choice(0.1,0.2)` searches its elements, "
        "and `lr=[0.1,0.2]` on the command line sets it."
    )


def test_size_counts_points() -> None:
    assert read_space({}, ["a=range(0,10,step=5)", "b=choice(1,2,3)"], None).size == 6
    assert math.isinf(read_space({}, ["a=interval(0,1)"], None).size)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("k=range(8,65,step=8)", [8, 32, 64], [7, 9, 65, 72, True, "8", None]),
        ("k=interval(0,1)", [0, 0.5, 1.0], [-0.1, 1.01, "x"]),
        ("k=choice(1,x)", [1, 1.0, "x"], [True, "1", 2]),
    ],
)
def test_contains(text: str, inside: list[object], outside: list[object]) -> None:
    found = dimension(text)
    assert all(map(found.contains, inside))
    assert not any(map(found.contains, outside))


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("k=range(8,65,step=8)", "8…64 in steps of 8"),
        ("k=tag(log,interval(1e-4,1e-2))", "0.0001…0.01, log"),
        ("k=choice(5000,10000)", "one of 5000, 10000"),
    ],
)
def test_describes_itself_for_people(text: str, described: str) -> None:
    assert dimension(text).describe() == described


def test_a_group_with_a_package_is_a_key_of_its_own() -> None:
    space = read_space({}, ["opt@gen=adam", "opt@disc=choice(sgd,adam)"], loader=None)
    assert space.overrides == ("opt@gen=adam",)
    assert space.propose({"opt@disc": "sgd"}) == ("opt@gen=adam", "opt@disc=sgd")


@pytest.mark.parametrize(
    ("params", "words", "said"),
    [
        ({}, ["a.0=range(4,9)", "a=[1,1],[2,2]"], "`a.0` lies inside `a`"),
        ({}, ["n=choice({u:3},{v:5})", "n.u=choice(11,12)"], "`n.u` lies inside `n`"),
        ({}, ["+n={m:{u:1}},{m:{u:2}}", "++n.m.u=3,4"], "`n.m.u` lies inside `n`"),
        ({"n": "null,{v:5}"}, ["n.u=choice(11,12)"], "`n.u` lies inside `n`"),
        ({}, ["x=interval(0,3)", "++x=choice(7,8)"], "`x=interval(0,3)` has no effect beside"),
        ({"x": "range(0,3)"}, ["x=1,2", "x=7"], "`x=7` comes after `x=1,2`, and makes `x=1` and"),
        ({}, ["n={u:3},{u:5}", "n.u=7"], "makes `n={u:3}` and `n={u:5}` the same"),
        ({}, ["n={u:3},{v:1},{u:5}", "~n.u"], "makes `n={u:3}` and `n={u:5}` the same"),
        ({}, ["n={u:3,v:1},{v:1,u:5}", "n={u:7}"], "`n={u:7}` comes after"),
        ({}, ["n.u=interval(0,1)", "~n", "+n.u=3"], "`~n` comes after `n.u=interval(0,1)`"),
        ({"n": {"u": "1,2"}}, ["n={u:5,v:6}"], "makes `n.u=1` and `n.u=2` the same"),
    ],
)
def test_a_search_without_effect_is_refused(
    params: dict[str, str], words: list[str], said: str
) -> None:
    with pytest.raises(SpaceError) as refusal:
        read_space(params, words, loader=None)
    assert said in str(refusal.value) and "\n" not in str(refusal.value)


def test_searches_beside_each_other_are_none_of_that() -> None:
    words = ["n={u:3},{u:5}", "n.v=1,2", "nn=1,2", "a.0=1,2", "a.1=1,2", "x=1", "x=1,2"]
    assert len(read_space({"x": "range(0,3)"}, words, loader=None).dimensions) == 6


@pytest.mark.parametrize(
    "value", [[1, 2.5, None, True], ["a b", "null", "1"], {"u": 1, "v": {"w": "x,y"}}]
)
def test_a_list_or_mapping_reads_back_as_itself(value: object) -> None:
    [override] = OverridesParser.create().parse_overrides([f"k={spell(value)}"])
    assert override.value() == value
