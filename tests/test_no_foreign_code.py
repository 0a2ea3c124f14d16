"""Besom never turns text from a configuration, a record or a data file into code."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_layers import MODULES


def calls(module: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def name_of(call: ast.Call) -> tuple[str, str]:
    """Return a call as ``("json", "loads")``; the first is empty for a plain name."""
    if isinstance(call.func, ast.Attribute):
        return ast.unparse(call.func.value), call.func.attr
    return "", ast.unparse(call.func)


def users(called: str) -> set[str]:
    return {module for module in MODULES for call in calls(module) if name_of(call)[1] == called}


@pytest.mark.parametrize("called", ["instantiate", "get_class", "get_object", "eval", "exec"])
def test_nothing_is_made_of_what_a_configuration_names(called: str) -> None:
    assert users(called) == set()


def test_only_the_function_that_the_user_names_is_looked_up() -> None:
    """SECURITY.md says that this function is trusted."""
    assert users("get_method") == {"besom.search.space.space"}


def test_only_callbacks_samplers_and_pruners_are_made_of_what_a_target_names() -> None:
    """SECURITY.md says that these classes are trusted."""
    assert users("make_object") == {"besom.sweep.callbacks.read"}
    assert users("locate") == {
        "besom.app.modules.target",
        "besom.search.algorithms.by_path",
        "besom.search.algorithms.samplers",
    }


def test_only_the_workers_pipes_are_unpickled_and_the_reader_that_refuses() -> None:
    names = {(module, *name_of(call)) for module in MODULES for call in calls(module)}
    loading = {found for found in names if found[2] in ("load", "loads", "Unpickler")}
    by_pickle = {found for found in loading if "pickle" in found[1] or "joblib" in found[1]}
    assert by_pickle == {
        ("besom.rnn.data.imdb", "ListUnpickler(stream)", "load"),
        ("besom.app.job", "pickle", "loads"),
        ("besom.app.modules.state", "pickle", "loads"),
        ("besom.workers.local", "pickle", "loads"),
    }


def test_models_are_loaded_in_safe_mode_and_arrays_without_pickles() -> None:
    found = [(module, call) for module in MODULES for call in calls(module)]
    models = [(m, call) for m, call in found if name_of(call)[1] == "load_model"]
    assert {module for module, _ in models} == {"besom.rnn.text_classifier"}
    arrays = [
        (m, call)
        for m, call in found
        if name_of(call) == ("np", "load") or name_of(call)[1] == "read_array"
    ]
    assert arrays
    for _, call in models:
        assert {"safe_mode": "True"}.items() <= keywords(call).items()
    for _, call in arrays:
        assert keywords(call).get("allow_pickle", "False") == "False"


def keywords(call: ast.Call) -> dict[str, str]:
    return {str(keyword.arg): ast.unparse(keyword.value) for keyword in call.keywords}
