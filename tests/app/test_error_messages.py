"""Search space functions with the names of other libraries, or misspelt: Hydra's name is given."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from besom.app.error_messages import config_error


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lr=loguniform(1e-5,1e-1)", "lr=tag(log,interval(1e-5,1e-1))"),
        ("lr=log_uniform(1e-5, 1e-1)", "lr=tag(log,interval(1e-5,1e-1))"),
        ("lr=logunifrom(1e-5,1e-1)", "lr=tag(log,interval(1e-5,1e-1))"),
        ("+a.lr=suggest_float(low=0,high=1)", "+a.lr=interval(0,1)"),
        ("lr=uniform(0,1)", "lr=interval(0,1)"),
        ("lr=quniform(0,1,0.1)", "lr=range(0,1,step=0.1)"),
        ("n=qrange(1,9,2)", "n=range(1,9,step=2)"),
        ("n=randint(1,9)", "n=int(interval(1,9))"),
        ("n=int_log_uniform(1,9)", "n=tag(log,int(interval(1,9)))"),
        ("o=categorical([adam,sgd])", "o=choice(adam,sgd)"),
        ("o=choise(a,b)", "o=choice(a,b)"),
        ("x=intervall(1,2)", "x=interval(1,2)"),
        ("x=log(interval(1,2))", "tag(log,interval(low,high))"),
        ("x=loguniform(0.1)", "tag(log,interval(low,high))"),
    ],
)
def test_the_spelling_that_is_meant(typed: str, meant: str) -> None:
    with pytest.raises(OverrideParseException) as raised:
        OverridesParser.create().parse_overrides([typed])
    message = str(config_error(raised.value))
    assert message.startswith(f"`{typed}`: no function `")
    assert message.endswith(f"did you mean `{meant}`?")
    if "low" not in meant:
        assert OverridesParser.create().parse_overrides([meant])[0].is_sweep_override()


def test_a_log_scale_is_no_argument() -> None:
    with pytest.raises(OverrideParseException) as raised:
        OverridesParser.create().parse_overrides(["x=interval(1,9,log=true)"])
    assert "tag(log,interval(low,high))" in str(config_error(raised.value))
