"""``besom reproduce``: repeats a recorded training, and compares the results."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from omegaconf import DictConfig

from besom import session
from besom.app.hooks import Task
from besom.app.source import named_by, source_of
from besom.common.errors import Pruned, StudyError
from besom.common.flatten import flatten
from besom.common.suggest import did_you_mean
from besom.common.terminal.commands import besom_command
from besom.common.text import printable
from besom.results.changes import changes
from besom.results.studies import StudyRecord, Trial, read_run, read_study
from besom.results.workload import how_to_run_again, workload_config
from besom.rnn import environment
from besom.rnn.models.costs import COSTS
from besom.rnn.train import THREADS, train
from besom.session import KerasModel
from besom.tracking import schema
from besom.tracking.reader import PART_OF_ID, Reader
from besom.workers.resources import THREAD_VARIABLES

AGREES = 1e-3
"""The largest difference of a loss or an accuracy that still counts as the same result. Another
order of floating-point operations, as on another processor, stays below it; a change does not."""

IN_A_STUDY = ("baseline", "best")
REPEATABLE = ("complete", "pruned", "finished")
"""States for which the record has all metrics. The last is MLflow's, of runs without a trial."""

Place = tuple[str, int]
"""A metric and a step."""


@dataclass(frozen=True)
class Reproduction:
    """The recorded and the new metrics, what has changed since, and the model if requested."""

    trial: Trial
    recorded: Mapping[Place, float]
    again: Mapping[Place, float]
    changed: Sequence[str]
    model: KerasModel | None = None

    @property
    def difference(self) -> float | None:
        """The largest difference of all metrics; None if the two sets have different metrics."""
        if self.recorded.keys() != self.again.keys():
            return None
        return self.largest(self.recorded)[0]

    def largest(self, places: Iterable[Place]) -> tuple[float, Place]:
        """Return the largest difference at these places, and where; infinite if one is missing."""
        apart = ((_apart(self.recorded[p], self.again.get(p, math.inf)), p) for p in places)
        return max(apart, key=lambda found: found[0])

    @property
    def agrees(self) -> bool:
        return self.difference is not None and self.difference <= AGREES

    @property
    def sentence(self) -> str:
        """The result in words: bit-identical, agrees within a difference, or differs."""
        if self.difference is None:
            return f"differs: {len(self.recorded)} numbers recorded, {len(self.again)} now"
        if self.difference == 0:
            return f"bit-identical: all {len(self.recorded)} numbers"
        size, (metric, step) = self.largest(self.recorded)
        how = "agrees within" if self.agrees else "differs by up to"
        return f"{how} {_size(size)}: {metric}{_epoch(step)}"


@dataclass
class Replay:
    """A listener that keeps a task's metrics, and stops the task where the sweep stopped it.

    Attributes:
        stop_after: the step after which the task is stopped; None if it was not pruned.
        keeps_model_in: a folder for a copy of its ``model``; None for no copy.
    """

    stop_after: int | None
    keeps_model_in: Path | None = None
    model: KerasModel | None = None
    numbers: dict[Place, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def expect(self, steps: int) -> None:
        """Do nothing: the record says how many steps there were."""

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self.numbers[name, step] = value
            self.last[name] = step
        if step == self.stop_after:
            raise Pruned(f"stopped after step {step}, as it was")

    def log(self, values: Mapping[str, float | str]) -> None:
        """Keep values as the record does; see ``Record.log``."""
        for name, value in values.items():
            if isinstance(value, str):
                self.facts[name] = value
            else:
                self.numbers[name, self.last.get(name, 0)] = value

    def save(self, path: Path) -> None:
        """Do nothing: the record has the file."""

    def save_model(self, model: KerasModel) -> None:
        """Copy the model if that was requested; otherwise do nothing."""
        if self.keeps_model_in is not None:
            copied = shutil.copy(model.path, self.keeps_model_in)
            self.model = replace(model, path=Path(copied))

    def table(self, name: str, rows: Sequence[Mapping[str, float | str]]) -> None:
        """Do nothing: the record has the table."""

    def log_dataset(self, dataset: session.LoggedDataset) -> None:
        """Do nothing: the record has the data set."""


def show(found: Reproduction) -> None:
    """Print both last values and the largest difference of each metric, the result in words, and
    what has changed since."""
    print(f"{printable(found.trial.run.name)}, run {found.trial.run.run_id}\n")
    last = dict(sorted(found.recorded))
    width = max(map(len, last), default=0)
    print(f"{'':<{width}}  {'recorded':>10}  {'again':>10}  largest difference of all epochs")
    for metric, step in last.items():
        numbers = (found.recorded[metric, step], found.again.get((metric, step), math.nan))
        size, (_, at) = found.largest(place for place in found.recorded if place[0] == metric)
        cells = [
            *(f"{number:>10.6f}" for number in numbers),
            _size(size) + (_epoch(at) if size else ""),
        ]
        print(f"{metric:<{width}}  " + "  ".join(cells))
    print(f"\n{found.sentence}")
    for line in found.changed or ["code, packages, data and machine are as they were"]:
        print(f"  {line}")


def show_code(reader: Reader, trial: Trial) -> None:
    """Print how to get the code that made a run.

    Raises:
        StudyError: it was not made in a git repository.
    """
    commit = trial.run.tags.get(schema.COMMIT, "unknown")
    if commit.startswith("unknown"):
        raise StudyError(f"the code of run {trial.run.run_id} is not known: {commit[9:]}")
    version = trial.run.tags.get(schema.VERSION, "not known")
    print(f"# in the folder where it was begun; the version of Besom was {version}")
    print(f"git checkout {commit}")
    if reader.text(trial.run.run_id, schema.DIFF_FILE) is not None:
        print(f"git apply git.diff    # an artifact of {trial.run.name}, run {trial.run.run_id}")


def find(reader: Reader, what: str, study: str | None) -> Trial:
    """Return the run of a ``RUN_ID``, or the ``baseline`` or ``best`` of a study.

    A run that repeats another's configuration was not trained; then the other one is returned.

    Raises:
        StudyError: there is no such run, or there are several objectives and so no best.
    """
    found = _find(reader, what, study)
    original = found.run.tags.get(schema.DUPLICATE_OF)
    return found if original is None else read_run(reader, original)


def _find(reader: Reader, what: str, study: str | None) -> Trial:
    if PART_OF_ID.fullmatch(what):
        return read_run(reader, what)
    if what not in IN_A_STUDY:
        best = besom_command("reproduce", "best", "--study", "NAME", flags=reader.flags)
        otherwise = f"`{best}` takes the best trial of a study"
        hint = did_you_mean(what, IN_A_STUDY, otherwise)
        raise StudyError(f"`{what}` is no run's id; {hint}")
    record = _study(reader, study)
    trial = record.baseline if what == "baseline" else record.best
    if trial is None:
        raise StudyError(f"study {record.name} has no finished trial that is its {what}")
    return trial


def reproduce(reader: Reader, trial: Trial, keeps_model_in: Path | None = None) -> Reproduction:
    """Train again as the record says. The same machine and packages give bit-identical results.

    Args:
        keeps_model_in: a folder for a copy of the model; None for no copy.

    Raises:
        StudyError: the run has no configuration, or one of another application, or its record is
            incomplete, so that there is nothing to compare with.
        ConfigError, DataError: the configuration cannot be trained here.
    """
    recorded_config = reader.text(trial.run.run_id, schema.CONFIG_FILE)
    if recorded_config is None:
        raise StudyError(
            f"run {trial.run.run_id} holds no configuration to train again; give another"
        )
    config = workload_config(recorded_config)
    if config is None:
        raise StudyError(
            f"run {trial.run.run_id} is of another application than besom train; "
            f"{how_to_run_again(reader, trial.run.run_id)}"
        )
    points = reader.points([trial.run.run_id])
    recorded = {(p.metric, p.step): p.value for p in points if p.metric not in COSTS}
    _refuse_broken_off(trial, recorded, reader.flags)
    _limit_threads(trial.run.tags.get(THREADS))
    stop_after = max(step for _, step in recorded) if trial.state == "pruned" else None
    replay = Replay(stop_after, keeps_model_in)
    _train(train, config, replay)
    texts = {
        name: reader.text(trial.run.run_id, name)
        for name in (schema.PACKAGES_FILE, schema.DIFF_FILE)
    }
    source = source_of(train, named_by(flatten(config)))
    now = replay.facts | {schema.CODE: source.text}
    changed = changes(trial.run.tags, now, texts)
    again = {place: value for place, value in replay.numbers.items() if place[0] not in COSTS}
    return Reproduction(trial, recorded, again, changed, replay.model)


def _refuse_broken_off(trial: Trial, recorded: Mapping[Place, float], flags: str) -> None:
    which = f"run {trial.run.run_id}"
    if trial.state not in REPEATABLE:
        raise StudyError(
            f"{which} is {trial.state}, so its record is incomplete; give one that is complete or "
            f"pruned, `{besom_command('compare', 'STUDY', '--csv', flags=flags)}` shows them"
        )
    if not recorded:
        raise StudyError(
            f"{which} is {trial.state} and holds no numbers to compare with; give another"
        )


def _train(task: Task, config: DictConfig, replay: Replay) -> None:
    with _temporary_files_removed(), session.listening(replay), suppress(Pruned):
        replay.log(task(config))


@contextmanager
def _temporary_files_removed() -> Iterator[None]:
    """Delete the task's temporary files after this block, such as its model: the record has it."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="besom-") as tempfile.tempdir:
        try:
            yield
        finally:
            tempfile.tempdir = before


def _limit_threads(threads: str | None) -> None:
    """Use as many threads as then; TensorFlow reads the number from the environment once."""
    if threads is not None and int(threads) != environment.threads():
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, threads))


def _study(reader: Reader, name: str | None) -> StudyRecord:
    """Return the named study, or the one that was begun last."""
    if name is None:
        studies = reader.studies()
        if not studies:
            raise StudyError("no study in the record; `besom sweep NAME` makes one")
        return read_study(reader, studies[-1])
    return read_study(reader, name)


def _size(difference: float) -> str:
    """Format a difference: in scientific notation if it is small, otherwise as a number."""
    return f"{difference:.1e}" if 0 < difference <= AGREES else f"{difference:.4g}"


def _epoch(step: int) -> str:
    """Return the epoch of a value as text; empty for step 0, a value of the whole run."""
    return f", epoch {step}" if step else ""


def _apart(one: float, other: float) -> float:
    """Return the difference of two values. Two NaNs are equal; one is infinitely far away."""
    if math.isnan(one) or math.isnan(other):
        return 0.0 if math.isnan(one) and math.isnan(other) else math.inf
    return 0.0 if one == other else abs(one - other)
