"""Writes a study's winner as a configuration to train with: ``conf/experiment/NAME.yaml``.

It holds only what differs from ``conf/train.yaml``: ``besom train +experiment=NAME`` composes the
baseline and lays the experiment over it.
"""

import json
import re
import sys
import textwrap
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
from besom.app.error_messages import HYDRA_ERRORS, config_error
from besom.app.hooks import chosen_groups
from besom.common.errors import StoreError, StudyError
from besom.common.flatten import flatten
from besom.common.terminal.commands import besom_command
from besom.common.terminal.sentences import wrapped
from besom.common.text import duration
from besom.results.studies import StudyRecord, Trial, read_study
from besom.results.workload import how_to_confirm, how_to_run_again, workload_config
from besom.rnn import config
from besom.tracking import schema
from besom.tracking.reader import Reader, open_reader

FOLDER = Path("conf", "experiment")
NAME = re.compile(r"(?!(?:null|true|false|nan|inf)$)[a-z_][\w-]{0,199}", re.ASCII | re.IGNORECASE)
"""A name that Hydra reads as text without quotes, and that is a file name on any system."""

WIDTH = 100
PRIMARY = "train"
LEFT_OUT = ("tracking", "evaluate_test")
"""Keys that belong to the sweep and not to a trial: where runs are recorded, and whether the test
split is opened."""
Flat = Mapping[str, Any]
"""Values under dotted names."""


@dataclass(frozen=True)
class Exported:
    """The file with a winner's configuration.

    ``comment`` says which run it is, and how certain it is that this is the best.
    """

    file: Path
    comment: Sequence[str]


def export(root: Path, uri: str | None, study: str, name: str | None, force: bool) -> Exported:
    """Write the confirmed winner of a study, or its best trial, as an experiment.

    Args:
        name: the name of the file without its suffix; the study's if None.
        force: whether to overwrite a file of that name.

    Raises:
        StudyError: there is no such study, it has no winner, or the winner's configuration is
            missing, of another application, or does not fit today's configurations.
        StoreError: the file exists already, or cannot be written.
    """
    reader = open_reader(root, uri)
    record = read_study(reader, study)
    trial = winner(record)
    recorded = _configuration(reader, record, trial)
    file = _place(name or plain(study), force)
    comment = (_origin(record, trial), _standing(reader, record))
    text = _verified(trial, recorded, [*_head(file.stem, comment)], reader.flags)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from error
    return Exported(file, comment)


def show(exported: Exported) -> None:
    """Print the written file, how certain the result is, and how to train with it."""
    print(exported.file)
    for sentence in exported.comment:
        print(wrapped(sentence, sys.stdout))
    print(f"Train with it:  besom train +experiment={exported.file.stem}")


def winner(study: StudyRecord) -> Trial:
    """Return the trial that won the confirmation; without a verdict, the best complete trial.

    Raises:
        StudyError: there is no such trial.
    """
    if study.winner is not None:
        return _trial(study, study.winner)
    if study.best is None:
        raise StudyError(f"study {study.name} has no finished trial to export")
    return study.best


def plain(study: str) -> str:
    """Turn a study's name into the name of a file and of a Hydra option."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", study).strip("_-")[:190]
    return name if NAME.fullmatch(name) else f"study_{name}"


def _trial(study: StudyRecord, number: int) -> Trial:
    found = [trial for trial in study.trials if trial.number == number]
    if not found:
        raise StudyError(
            f"the winner of study {study.name}, trial {number}, is not in the record any more; "
            "restore its run in MLflow"
        )
    return found[0]


def _configuration(reader: Reader, study: StudyRecord, trial: Trial) -> DictConfig:
    text = reader.text(trial.run.run_id, schema.CONFIG_FILE)
    if text is None:
        raise StudyError(f"run {trial.run.run_id}, trial {trial.number}, holds no configuration")
    config = workload_config(text)
    if config is None:
        raise StudyError(
            f"study {study.name} is of another application, and an experiment is for besom train; "
            f"trial {trial.number}: {how_to_run_again(reader, trial.run.run_id)}"
        )
    return config


def _place(name: str, force: bool) -> Path:
    if not NAME.fullmatch(name):
        raise StoreError(f"--name {name}: no plain name of a file; `{plain(name)}` would be one")
    file = FOLDER / f"{name}.yaml"
    if file.exists() and not force:
        raise StoreError(f"{file} is there already; --force overwrites it, --name gives another")
    return file


def _head(name: str, comment: Iterable[str]) -> Iterator[str]:
    """Yield the comment at the top of the file: command, origin, result."""
    yield f"besom train +experiment={name}"
    for sentence in comment:
        yield from textwrap.wrap(sentence, WIDTH - len("# "))


def _origin(study: StudyRecord, trial: Trial) -> str:
    """Describe the run: its id, how good it was, and how long it took."""
    facts = [f"{n} {trial.metrics[n]:.4g}" for n in study.objectives if n in trial.metrics]
    if trial.seconds is not None:
        facts.append(duration(trial.seconds))
    return f"Trial {trial.number} of {study.name}, run {trial.run.run_id}: {', '.join(facts)}."


def _standing(reader: Reader, study: StudyRecord) -> str:
    """Return the verdict and its age, or a sentence that there is none."""
    advice = how_to_confirm(reader, study)
    if study.winner is None:
        return (
            f"Not confirmed: the best of {len(study.complete)} finished trials, one run each; "
            f"{advice} tells more."
        )
    if not study.verdict_age:
        return study.verdict
    return f"{study.verdict} It was {study.verdict_age}; {advice} judges anew."


def _verified(trial: Trial, recorded: DictConfig, comment: list[str], flags: str) -> str:
    """Return the text of the file, after a check that it composes to what was recorded.

    Raises:
        StudyError: it composes to something else, or not at all.
    """
    try:
        text = _experiment(recorded, _groups(trial), comment)
        found = _composed(text)
    except HYDRA_ERRORS as error:
        raise StudyError(
            f"trial {trial.number} does not fit the configurations of today: {config_error(error)}"
        ) from error
    if differing := _differing(found, _values(recorded)):
        raise StudyError(
            f"trial {trial.number} does not fit the configurations of today: {differing[0]}\n"
            f"`{besom_command('reproduce', trial.run.run_id, '--code', flags=flags)}` tells how to "
            "get the one that it had"
        )
    return text


def _groups(trial: Trial) -> Mapping[str, str]:
    """Return the recorded options of config groups."""
    chosen: dict[str, str] = json.loads(trial.run.tags.get(schema.GROUPS, "{}"))
    return {group: option for group, option in chosen.items() if group not in LEFT_OUT}


def _differing(found: Flat, wanted: Flat) -> list[str]:
    absent = "absent"
    return [
        f"`{key}` would be {found.get(key, absent)}, and was {wanted.get(key, absent)}"
        for key in {**wanted, **found}
        if found.get(key, absent) != wanted.get(key, absent)
    ]


def _experiment(recorded: DictConfig, chosen: Mapping[str, str], comment: Sequence[str]) -> str:
    """Return the text of an experiment that turns the baseline into a recorded configuration.

    Args:
        chosen: the option of each config group, as it was recorded.

    Raises:
        besom.app.error_messages.HYDRA_ERRORS: an option of a config group cannot be composed.
    """
    wanted = _values(recorded)
    with _hydra():
        own = chosen_groups(compose(PRIMARY, return_hydra_config=True).hydra)
        options_of = GlobalHydra.instance().config_loader().get_group_options
        groups = {
            group: option
            for group, option in chosen.items()
            if own.get(group, option) != option and option in options_of(group)
        }
        base = _compose(f"{group}={option}" for group, option in groups.items())
    left = {key: value for key, value in wanted.items() if key not in base or base[key] != value}
    defaults = [f"  - override /{group}: {option}\n" for group, option in groups.items()]
    parts = [
        # Hydra requires the package in the first line.
        "".join(f"# {line}\n" for line in ("@package _global_", *comment)),
        "".join(["defaults:\n", *defaults]) if defaults else "",
        *(OmegaConf.to_yaml({key: value}) for key, value in _nested(left).items()),
    ]
    return "\n".join(part for part in parts if part)


def _composed(text: str) -> Flat:
    """Compose the configuration of ``besom train`` with this text as its experiment.

    Raises:
        besom.app.error_messages.HYDRA_ERRORS: the text does not fit the baseline.
    """
    with TemporaryDirectory(prefix="besom-") as folder:
        draft = Path(folder, "draft", "draft.yaml")
        draft.parent.mkdir()
        draft.write_text(text, encoding="utf-8")
        with _hydra():
            return _compose([f"hydra.searchpath=['file://{folder}']", "+draft=draft"])


def _values(whole: DictConfig) -> Flat:
    """Return the values on which a training's result depends, under dotted names."""
    kept = [str(key) for key in whole if key not in LEFT_OUT]
    return flatten(OmegaConf.masked_copy(whole, kept))


@contextmanager
def _hydra() -> Iterator[None]:
    config.register()
    with initialize_config_dir(str(conf_folder()), job_name="besom", version_base="1.3"):
        yield


def _compose(overrides: Iterable[str]) -> Flat:
    return _values(compose(PRIMARY, list(overrides)))


def _nested(flat: Flat) -> dict[str, Any]:
    """Turn ``{"model.units": 64}`` into ``{"model": {"units": 64}}``."""
    tree = OmegaConf.create()
    for key, value in flat.items():
        OmegaConf.update(tree, key, value)
    return cast(dict[str, Any], OmegaConf.to_container(tree))
