from besom.sweep.naming import distinct, short


def test_a_place_in_a_list_is_no_name_by_itself() -> None:
    keys = {"net.layers.0": "layers.0", "m.0.1": "m.0.1", "b.lr": "b.lr", "a.lr": "a.lr", "7": "7"}
    assert distinct(keys) == keys
    assert short({"layers.0": 5, "net.units": 8}) == "layers.0=5 units=8"
