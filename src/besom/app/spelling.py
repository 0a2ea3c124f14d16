"""What is meant by names of distributions that Hydra's grammar does not know.

Other libraries have ``loguniform(low,high)``, ``quniform(low,high,step)`` and their like.
"""

import re
from difflib import get_close_matches

HYDRAS = ("choice", "range", "interval", "tag", "int", "float", "str", "bool", "sort", "shuffle")
BETWEEN = "interval({},{})"
LOG = "tag(log,interval({},{}))"
WHOLE = "int(interval({},{}))"
WHOLE_LOG = "tag(log,int(interval({},{})))"
STEPS = "range({},{},step={})"
ONE_OF = "choice({})"
MEANT = {
    BETWEEN: "uniform float floatuniform uniformfloat real between",
    LOG: "loguniform logfloat loginterval reciprocal loguniformvalues logspace log",
    WHOLE: "randint intuniform uniformint integer",
    WHOLE_LOG: "lograndint intloguniform loguniformint logint logrange",
    STEPS: "quniform qrange discreteuniform qrandint linspace arange step",
    ONE_OF: "categorical choices options oneof grid gridsearch sample select",
}
_BY_NAME = {name: meant for meant, names in MEANT.items() for name in names.split()}


def meant(name: str, override: str) -> str:
    """How Hydra writes what ``override`` means by a function ``name``; empty where unknown."""
    plain = name.lower().replace("_", "").removeprefix("suggest")
    near = get_close_matches(plain, [*_BY_NAME, *HYDRAS], n=1, cutoff=0.75)
    if not near:
        return ""
    if near[0] in HYDRAS and near[0] not in _BY_NAME:
        return override.replace(f"{name}(", f"{near[0]}(")
    pattern = _BY_NAME[near[0]]
    call = re.search(rf"\b{name}\(([^()]*)\)", override)
    given = [part.rpartition("=")[2].strip() for part in call[1].split(",")] if call else []
    if pattern == ONE_OF and call:
        return override.replace(call[0], ONE_OF.format(call[1].strip("[] ")))
    if not call or len(given) != pattern.count("{}"):
        return pattern.format(*("low", "high", "s")[: pattern.count("{}")])
    return override.replace(call[0], pattern.format(*given))
