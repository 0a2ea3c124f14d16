"""A recorded configuration as a Hydra experiment: only what differs from ``conf/train.yaml``.

``besom train +experiment=NAME`` composes the baseline and lays the experiment over it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from besom.app.config_paths import conf_folder
from besom.common.flatten import flatten
from besom.rnn import config

PRIMARY = "train"
LEFT_OUT = ("tracking", "evaluate_test")
"""Where a run is recorded, and whether the test split is opened: not the trial's, its sweep's."""

Flat = Mapping[str, Any]
"""Values under dotted names."""


@dataclass(frozen=True)
class Experiment:
    """What to lay over the baseline.

    Attributes:
        groups: config groups of which another option is taken, ``{"model": "lstm"}``.
        values: what these options leave different, under dotted names.
    """

    groups: Mapping[str, str]
    values: Flat

    def text(self, comment: Sequence[str]) -> str:
        """The file; Hydra wants the package in its first line."""
        defaults = [f"  - override /{group}: {option}\n" for group, option in self.groups.items()]
        parts = [
            "".join(f"# {line}\n" for line in ("@package _global_", *comment)),
            "".join(["defaults:\n", *defaults]) if defaults else "",
            *(OmegaConf.to_yaml({key: value}) for key, value in _nested(self.values).items()),
        ]
        return "\n".join(part for part in parts if part)


def as_experiment(recorded: DictConfig) -> Experiment:
    """The shortest way from the baseline to a recorded configuration.

    Raises:
        besom.app.error_messages.HYDRA_ERRORS: an option of a config group that cannot be composed.
    """
    wanted = values(recorded)
    with _hydra():
        nearest = {group: _nearest_option(group, wanted) for group in _groups(wanted)}
        groups = {group: option for group, option in nearest.items() if option is not None}
        base = _compose(f"{group}={option}" for group, option in groups.items())
    left = {key: value for key, value in wanted.items() if key not in base or base[key] != value}
    return Experiment(groups, left)


def composed(text: str) -> Flat:
    """What ``besom train`` would train with this text as its experiment.

    Raises:
        besom.app.error_messages.HYDRA_ERRORS: it does not fit the baseline.
    """
    with TemporaryDirectory(prefix="besom-") as folder:
        draft = Path(folder, "draft", "draft.yaml")
        draft.parent.mkdir()
        draft.write_text(text, encoding="utf-8")
        with _hydra():
            return _compose([f"hydra.searchpath=['file://{folder}']", "+draft=draft"])


def values(whole: DictConfig) -> Flat:
    """What a training's result depends on, under dotted names."""
    kept = [str(key) for key in whole if key not in LEFT_OUT]
    return flatten(OmegaConf.masked_copy(whole, kept))


@contextmanager
def _hydra() -> Iterator[None]:
    config.register()
    with initialize_config_dir(str(conf_folder()), job_name="besom", version_base="1.3"):
        yield


def _compose(overrides: Iterable[str]) -> Flat:
    return values(compose(PRIMARY, list(overrides)))


def _groups(wanted: Flat) -> list[str]:
    return list(dict.fromkeys(key.partition(".")[0] for key in wanted if "." in key))


def _nearest_option(group: str, wanted: Flat) -> str | None:
    """The option that leaves the fewest differences; None where the baseline's own does."""
    options = GlobalHydra.instance().config_loader().get_group_options(group)

    def distance(option: str | None) -> tuple[int, int]:
        return _differences(group, _compose([f"{group}={option}"] if option else []), wanted)

    return min((None, *options), key=distance)


def _differences(group: str, found: Flat, wanted: Flat) -> tuple[int, int]:
    """How many keys of a group only one of both has, and how many values differ."""
    one, other = (
        {key: value for key, value in flat.items() if key.startswith(f"{group}.")}
        for flat in (found, wanted)
    )
    both = one.keys() & other.keys()
    return len(one.keys() ^ other.keys()), sum(one[key] != other[key] for key in both)


def _nested(flat: Flat) -> dict[str, Any]:
    """``{"model.units": 64}`` as ``{"model": {"units": 64}}``."""
    tree = OmegaConf.create()
    for key, value in flat.items():
        OmegaConf.update(tree, key, value)
    return cast(dict[str, Any], OmegaConf.to_container(tree))
