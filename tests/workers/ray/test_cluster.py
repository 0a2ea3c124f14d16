"""Which files of the working folder are sent to a cluster."""

from pathlib import Path

from ray._private.runtime_env.packaging import _get_excludes

from besom.workers.ray.cluster import _below


def test_results_are_left_out_and_nothing_beside_them(tmp_path: Path) -> None:
    results = tmp_path / "experiments" / "out" / "today"
    patterns = _below(tmp_path, results, tmp_path / "record", tmp_path, tmp_path.parent / "other")
    is_left_out = _get_excludes(tmp_path, patterns)
    assert is_left_out(results / "0" / "model.keras")
    assert is_left_out(tmp_path / "record" / "optuna.db")
    assert not is_left_out(tmp_path / "experiments" / "models.py")
    assert not is_left_out(tmp_path / "experiments" / "record" / "data.csv")
