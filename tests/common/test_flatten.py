import pytest
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from besom.common.flatten import flatten, short_names, short_text, to_yaml


def test_keys_of_one_name_keep_apart() -> None:
    config = OmegaConf.create(
        {"a": {"b": 1}, "a.b": 2, 1: 3, "1": 4, "empty": {}, "list": [{"c": 5}]}
    )
    assert flatten(config) == {
        "a.b": 1,
        "a.b'": 2,
        "1": 3,
        "1'": 4,
        "empty": {},
        "list": [{"c": 5}],
    }


def test_a_place_in_a_list_is_no_name_by_itself() -> None:
    keys = {"net.layers.0": "layers.0", "m.0.1": "m.0.1", "b.lr": "b.lr", "a.lr": "a.lr", "7": "7"}
    assert short_names(keys) == keys
    assert short_text({"layers.0": 5, "net.units": 8}) == "layers.0=5 units=8"


def test_what_a_program_can_still_give_a_value_stays_as_it_is_written() -> None:
    config = OmegaConf.create(
        {
            "data": {"vocab": "???", "n": 3},
            "size": "${data.vocab}",
            "twin": "${size}",
            "whole": "${data}",
            "list": ["${data.n}", {"a": "${nokey}"}],
            "made": "${not_registered:3}",
            "n": "${data.n}",
        }
    )
    written = {
        "size": "${data.vocab}",
        "twin": "${size}",
        "list": [3, {"a": "${nokey}"}],
        "made": "${not_registered:3}",
    }
    assert flatten(config) == written | {"data.n": 3, "whole.n": 3, "n": 3}
    kept = OmegaConf.create(to_yaml(config))
    assert OmegaConf.to_container(kept) == written | {
        "data": {"vocab": "???", "n": 3},
        "whole": {"vocab": "???", "n": 3},
        "n": 3,
    }
    with pytest.raises(InterpolationResolutionError, match="NOT_SET"):
        flatten(OmegaConf.create({"size": "${nokey}", "unset": "${oc.env:NOT_SET}"}))
