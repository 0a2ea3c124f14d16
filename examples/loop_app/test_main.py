"""The task alone, without a sweep."""

from hydra import compose, initialize
from main import main


def test_it_learns() -> None:
    with initialize(version_base=None, config_path="conf"):
        config = compose("config", ["epochs=2"])
    assert main(config)["val_accuracy"] > 0.5
