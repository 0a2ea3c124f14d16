"""What MLflow takes in one request, and of one name or value (``mlflow/utils/validation.py``)."""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable

NAMES = "besom.names"
"""The tag of a run with the names of its parameters that :func:`clean` has changed."""

PARAMS = TAGS = 100
METRICS = 800  # 1000 together with the other two
KEY_LENGTH = 250
DIGITS = 6
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
# The column of the database (``mlflow/store/tracking/dbmodels/models.py``).
RUN_NAME_LENGTH = 250


def clean(name: str) -> str:
    """The name itself where MLflow takes it, else a similar one with a digest of the name.

    So each name has one of its own, whatever other names there are.
    """
    fit = re.sub(r"[^/\w.\- :]", "_", name)
    if posixpath.normpath(fit) != fit or fit.startswith(("/", "..")) or fit == ".":
        fit = re.sub(r"^\.+|/", "_", fit)
    if fit == name and 0 < len(name) <= KEY_LENGTH:
        return name
    digest = hashlib.sha256(name.encode(errors="backslashreplace")).hexdigest()[:DIGITS]
    return f"{fit[: KEY_LENGTH - DIGITS - 1]}-{digest}"


def renamed(keys: Iterable[str]) -> dict[str, str]:
    """A tag that keeps the names of those parameters that MLflow takes under another."""
    names = {clean(key): key for key in keys if clean(key) != key}
    return {NAMES: json.dumps(names)} if names else {}
