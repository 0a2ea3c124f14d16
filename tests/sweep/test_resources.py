"""``hydra.sweeper.resources`` from the command line to the record, on a machine with faked GPUs."""

from pathlib import Path

import pytest

from tests.conftest import Command
from tests.nvidia_smi import A100, H100, fake_gpus
from tests.sweep.apps import audit, run

SWEEP = """\
defaults: [train, sweep, override data: synthetic, override hydra/sweeper: besom, _self_]
hydra: {sweeper: {params: {model.units: "range(8,65,step=8)"}}}
"""


@pytest.fixture
def besom(besom: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return the command line, in a folder with one sweep, on a machine with two faked GPUs."""
    Path("sweeps").mkdir()
    Path("sweeps/mine.yaml").write_text(SWEEP)
    fake_gpus(monkeypatch, Path("bin").absolute(), H100, A100)
    return besom


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("gpus=3", f"resources.gpus=3: this machine has 2 GPUs ({H100}, {A100}).\n"),
        ("gpus=2", "resources.gpus=2 for each of 2 workers: this machine has 2 GPUs"),
        ("gpus=1.5", "resources.gpus=1.5: must be a whole number, or a fraction below 1"),
        ("gpus=one", "`hydra.sweeper.resources.gpus=one`: not a number"),
        ("cpus=100000", "resources.cpus=100000: this machine has "),
        ("cpus=0", "resources.cpus=0: must be at least"),
        ("memory=4000TiB", "resources.memory=4000 TiB: this machine has "),
        ("memory=lots", "resources.memory=lots: must be a number of bytes"),
        ("x=1", "no key `hydra.sweeper.resources.x`; hydra.sweeper.resources has "),
        ("gpu=1", "no key `hydra.sweeper.resources.gpu`; did you mean"),
    ],
)
def test_what_cannot_be_given_is_refused_before_anything_is_made(
    words: str, said: str, besom: Command
) -> None:
    ended = besom("sweep", "mine", f"hydra.sweeper.resources.{words}")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err and ended.err.count("\n") <= 3
    assert {path.name for path in Path().iterdir()} == {"sweeps", "bin"}


def test_as_many_workers_as_fit_each_with_its_part_of_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_gpus(monkeypatch, tmp_path / "bin", H100, A100)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    words = ("n_jobs=auto", "resources.gpus=0.5", "resources.cpus=0.25", "n_trials=6")
    given = (f"hydra.sweeper.{word}" for word in words)
    done = run("quadratic", "x=interval(-1,1)", *given, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "; 2 workers\n  each gets  0.25 core, 0.5 GPU\n" in done.stdout
    found = audit(tmp_path / "mlruns", "quadratic")
    placed = [tags for tags in found.tags.values() if "besom.trial" in tags]
    assert {tags["besom.worker"] for tags in placed} <= {"0", "1"}
    for tags in placed:
        assert tags["besom.node"] == tags["besom.host"]
        assert tags["besom.devices"] == f"GPU 1: {A100}"
