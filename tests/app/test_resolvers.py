"""Finding the resolvers that compute a configuration's values."""

from collections.abc import Iterator

import pytest
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from besom.app.resolvers import of_key, resolvers_of

CONFIG = """
plain: 1
same: ${plain}
rate: ${oc.decode:${oc.env:RATE,0.1}}
chained: ${same}/${folder}
folder: ${place:}/x
whole: ${inner}
inner: {a: "${oc.env:RATE,1}", b: 2, c: null, d: '???'}
listed: [1, "${place:}"]
written: [1, 2]
broken: ${oc.env:NOT_SET}
"""


@pytest.fixture
def place() -> Iterator[None]:
    OmegaConf.register_new_resolver("place", lambda: "here", use_cache=True)
    yield
    del BaseContainer._resolvers["place"]


def test_each_interpolated_value_names_the_resolvers_that_made_it(place: None) -> None:
    config, before = OmegaConf.create(CONFIG), dict(BaseContainer._resolvers)
    for _ in range(2):  # the second time, `place` returns its cached value
        assert resolvers_of(config) == {
            "same": set(),
            "rate": {"oc.env"},
            "chained": {"place"},
            "folder": {"place"},
            "whole": {"oc.env"},
            "inner.a": {"oc.env"},
            "listed": {"place"},
            "broken": {"oc.env"},
        }
    assert BaseContainer._resolvers == before


def test_what_is_below_an_interpolated_mapping_is_made_as_that_is() -> None:
    by_key = {"whole": frozenset({"oc.env"}), "same": frozenset[str]()}
    assert of_key("whole.a", by_key) == {"oc.env"}
    assert of_key("same", by_key) == set()
    assert of_key("wholesome", by_key) is of_key("plain", by_key) is None
