"""The list of configurations, as a file for the peers and as a config group for Hydra."""

from pathlib import Path

from omegaconf import OmegaConf

from benchmarks import configurations, trials
from benchmarks.configurations import BASELINE, TWELVE


def test_there_are_twelve_and_all_differ() -> None:
    assert len(set(TWELVE)) == 12


def test_a_list_survives_its_file(tmp_path: Path) -> None:
    configurations.write(TWELVE, tmp_path / "list.json")
    assert configurations.read(tmp_path / "list.json") == list(TWELVE)


def test_an_option_of_the_group_sets_every_axis(tmp_path: Path) -> None:
    [name] = configurations.write_group([BASELINE], tmp_path / "point")
    option = OmegaConf.load(tmp_path / "point" / f"{name}.yaml")
    axes = {axis: OmegaConf.select(option, key) for axis, key in configurations.KEYS.items()}
    assert configurations.Configuration(**axes) == BASELINE


def test_trials_come_back_in_the_order_in_which_they_ended(tmp_path: Path) -> None:
    file = tmp_path / "trials.jsonl"
    trials.note([0.5, 0.9, 0.8], file)
    trials.note([0.6], file)
    first, second = trials.read(file)
    assert (first.last, first.best, second.best) == (0.8, 0.9, 0.6)
    assert first.ended <= second.ended
