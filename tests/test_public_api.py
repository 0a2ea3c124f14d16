"""The public API of ``import besom``: its names, and their examples, which run as doctests."""

import inspect
from doctest import DocTestFinder, DocTestRunner
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import besom

NAMES = [
    *("Callback", "Email", "Hooks", "Interrupted", "KerasCallback", "KerasModel", "Packaging"),
    *("Pruned", "StudyEnded", "StudyStarted", "TensorBoard", "TensorSpec"),
    *("TrialEnded", "TrialReported", "TrialStarted"),
    *(
        "UserError",
        "VerdictReached",
        "Webhook",
        "__version__",
        "curves",
        "expect",
        "hooked",
        "is_recorded",
        "log",
        "log_dataset",
        "report",
    ),
    *("runs", "save", "save_model", "table"),
]
DOCUMENTED = [name for name in NAMES if name != "__version__"]
TOP = Path(__file__).parents[1]
DESCRIBED = ("README.md", "docs/how-to/tasks.md", "docs/how-to/callbacks.md")
PAGES = "\n".join((TOP / page).read_text() for page in DESCRIBED)


def test_these_names_are_all() -> None:
    assert dir(besom) == sorted(besom.__all__) == NAMES
    with pytest.raises(AttributeError, match="module `besom` has no attribute `repotr`"):
        besom.repotr  # noqa: B018


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_has_types_an_example_and_a_place_in_the_documents(name: str) -> None:
    public = getattr(besom, name)
    assert ">>> " in inspect.getdoc(public)
    assert f"besom.{name}" in PAGES or f"`{name}" in PAGES
    if inspect.isfunction(public):
        hints = inspect.get_annotations(public)
        assert hints.keys() == {*inspect.signature(public).parameters, "return"}


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    """Return the names that the examples use: a compiled Keras model and its data."""
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile(loss="mse")
    x, y = np.zeros((4, 3)), np.zeros((4, 1))
    return {"besom": besom, "Path": Path, "network": network, "x": x, "y": y}


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name not in ("curves", "runs")])
def test_its_example_runs(
    name: str, given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given["network"].save("model.keras")
    given = dict(given)
    for example in DocTestFinder(recurse=False).find(getattr(besom, name), name, globs=given):
        assert DocTestRunner(optionflags=0).run(example).failed == 0
