import pytest
from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

from besom.tracking import schema

GOOD = ("loss", "val/acc", "f1 macro", "p:x", "αβγ", "R²", "a.b-c_d", "x" * 250, "_", "..a/b"[2:])
BAD = (
    *("p>0", "p<0", "p_0@", "p\n0", "p\00", "p\\0", "p\udc80", "p\udc81", "hits@10", "%", ""),
    *("x" * 251, "x" * 300, "x" * 250 + "y", "x" * 243 + "/../y", "é" * 251),
    *("../up", "a//b", "/a", "a/", ".", "..", "./a", "a/.", "a/../b", "...", "/", "//"),
)


def test_each_name_has_one_of_its_own_that_mlflow_takes() -> None:
    assert [schema.valid_name(name) for name in GOOD] == list(GOOD)
    fits = [schema.valid_name(name) for name in BAD]
    assert len({*fits, *GOOD}) == len(BAD) + len(GOOD)
    for fit in fits:
        assert schema.valid_name(fit) == fit and 0 < len(fit) <= schema.NAME_LENGTH
        for validate in (_validate_metric_name, _validate_param_name, _validate_tag_name):
            validate(fit)


@pytest.mark.parametrize(
    ("name", "fit"), [("hits@10", "hits_10-47663a"), ("../up", "__up-8c722b"), ("", "-e3b0c4")]
)
def test_a_name_is_the_same_at_any_time(name: str, fit: str) -> None:
    assert schema.valid_name(name) == fit
