from omegaconf import OmegaConf

from besom.common.flatten import flatten, short_names, short_text


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
