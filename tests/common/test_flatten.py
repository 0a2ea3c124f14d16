from omegaconf import OmegaConf

from besom.common.flatten import flatten


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
