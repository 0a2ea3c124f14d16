"""Tests the parameters that only some networks have, on real Optuna trials."""

import optuna
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from besom.app.config_paths import conf_folder
from besom.rnn import config
from besom.rnn.any_model import suggest
from besom.rnn.check import check_config


@pytest.mark.parametrize("name", ["fasttext", "convolution", "bidirectional_gru"])
def test_a_network_gets_sizes_that_it_has(name: str) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    config.register()
    for _ in range(3):
        trial = study.ask()
        trial.suggest_categorical("model", [name])
        suggest(OmegaConf.create(), trial)
        words = [f"{key}={value}" for key, value in trial.params.items()]
        assert len(words) > 1
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            check_config(compose("train", overrides=words))


def test_what_has_no_model_gets_nothing() -> None:
    trial = optuna.create_study().ask()
    suggest(OmegaConf.create(), trial)
    assert trial.params == {}
