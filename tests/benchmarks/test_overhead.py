"""The overhead benchmark: the share of the workers' time that is not spent on trials."""

from pathlib import Path

import pytest

from benchmarks import overhead


def test_overhead_is_what_the_workers_have_not_spent_on_trials() -> None:
    sweep = overhead.Sweep(fit=19.0, wall=10.0, whole=19.0)
    assert sweep.overhead(sweep.wall) == pytest.approx(5.0)
    assert sweep.overhead(sweep.whole) == pytest.approx(50.0)


@pytest.mark.slow  # only the benchmarks depend on it
def test_a_sweep_of_spinning_trials_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overhead, "SECONDS", 0.1)
    sweep = overhead._spin(tmp_path / "spinning", n_trials=2)
    assert sweep.fit == pytest.approx(0.2)
    assert 0.1 < sweep.wall < sweep.whole


@pytest.mark.slow  # only the benchmarks depend on it
@pytest.mark.parametrize("name", overhead.PEERS)
def test_spinning_trials_of_a_peer_are_measured(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "Ray Tune":
        pytest.importorskip("tensorboardX", reason="of the benchmarks only: make .venv/bench")
    monkeypatch.setattr(overhead, "SECONDS", 0.1)
    sweep = overhead._spin_peer(name, tmp_path, n_trials=4)
    assert sweep.fit == pytest.approx(0.4)
    assert 0.2 < sweep.wall < sweep.whole


def test_the_seconds_of_epochs_are_read_from_a_jobs_log() -> None:
    log = (
        "[2026-11-22][besom.rnn.train][INFO] - epoch 1: loss 0.5, val_accuracy 0.8, 0.52 s\n"
        "[2026-11-22][besom.rnn.train][INFO] - something else, 3 s\n"
        "[2026-11-22][besom.rnn.train][INFO] - epoch 2: loss 0.4, val_accuracy 0.8, 0.48 s\n"
    )
    assert overhead.EPOCH.findall(log) == ["0.52", "0.48"]
    assert overhead._fit(log) == pytest.approx(2 * 0.48)  # the first epoch compiles
