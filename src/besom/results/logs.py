"""``besom logs``: finds the output of a trial in the files of Hydra and of its worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from besom.common.errors import StudyError
from besom.common.terminal.commands import besom_command
from besom.common.text import listed_numbers
from besom.results.studies import StudyRecord, read_study
from besom.results.tables import nodes
from besom.tracking import schema
from besom.tracking.reader import Reader, ReadRun
from besom.workers.messages import TITLE
from besom.workers.pool import log_file


@dataclass(frozen=True)
class Log:
    """The text of a file, or of a part of it."""

    title: str
    text: str


@dataclass(frozen=True)
class TrialLogs:
    """The last attempt at a trial: how it ended, and its logs.

    ``elsewhere`` says where its files are; it is empty where they are on this machine.
    """

    sentence: str
    logs: list[Log]
    run_id: str
    tags: Mapping[str, str]
    elsewhere: str = ""


def read_logs(reader: Reader, name: str, number: int, seed: int | None = None) -> TrialLogs:
    """Read the logs of trial ``number`` of a study, or of its confirmation on ``seed``.

    Raises:
        StudyError: there is no such study, trial or confirmation; it was not trained; or its logs
            are not on this machine, and the record has nothing of them.
    """
    study = read_study(reader, name)
    run = _trial(study, number) if seed is None else _confirmation(study, number, seed)
    if original := run.tags.get(schema.DUPLICATE_OF):
        raise StudyError(_repeats(reader, name, number, original))
    folder = Path(run.tags[schema.FOLDER]) if schema.FOLDER in run.tags else None
    is_here = folder is not None and folder.is_dir()
    logs = [*_of_job(folder), *_of_worker(folder, run)] if folder and is_here else []
    if traceback := reader.text(run.run_id, schema.TRACEBACK_FILE):
        logs.append(Log(f"{schema.TRACEBACK_FILE} in MLflow", traceback))
    elsewhere = "" if folder is None or is_here else _elsewhere(run, number, folder)
    if elsewhere and not logs and schema.ERROR not in run.tags:
        raise StudyError(elsewhere)
    node = nodes(study.runs).get(run.run_id, "")
    return TrialLogs(_sentence(run, number, seed, node), logs, run.run_id, run.tags, elsewhere)


def _elsewhere(run: ReadRun, number: int, folder: Path) -> str:
    host = run.tags.get(schema.HOST, "a machine")
    return f"the logs of trial {number} were written on {host} into {folder}, which is not here"


def _trial(study: StudyRecord, number: int) -> ReadRun:
    found = [trial.run for trial in study.trials if trial.number == number]
    if not found:
        numbers = [trial.number for trial in study.trials if trial.number is not None]
        there = f"it has {listed_numbers(numbers)}" if numbers else "it has none yet"
        raise StudyError(f"study {study.name} has no trial {number}; {there}")
    return found[0]


def _confirmation(study: StudyRecord, number: int, seed: int) -> ReadRun:
    of_trial = {one.seed: one.run for one in study.confirmations if one.trial == number}
    if seed not in of_trial:
        seeds = ", ".join(map(str, sorted(of_trial)))
        there = f"there are {seeds}" if seeds else "it has no confirmation"
        raise StudyError(f"trial {number} of {study.name} has no seed {seed}; {there}")
    return of_trial[seed]


def _repeats(reader: Reader, name: str, number: int, original: str) -> str:
    """Return why a trial that was not trained has no logs, and the command for the original's."""
    numbers = [run.tags.get(schema.TRIAL) for run in reader.runs([original])]
    said = f"trial {number} repeats the configuration of another and was not trained"
    found = [number for number in numbers if number is not None]
    return f"{said}: {besom_command('logs', name, *found, flags=reader.flags)}" if found else said


def _sentence(run: ReadRun, number: int, seed: int | None, node: str) -> str:
    """Describe an attempt: ``trial 3, attempt 2, on node-7, failed: ValueError: x is above 1``."""
    parts = [f"trial {number}"] + ([] if seed is None else [f"seed {seed}"])
    parts += [f"attempt {run.tags.get(schema.ATTEMPT, '1')}"]
    parts += [f"on {node}"] if node else []
    parts += [run.tags.get(schema.STATE, run.status.lower())]
    return ", ".join(parts) + (f": {run.tags[schema.ERROR]}" if schema.ERROR in run.tags else "")


def _of_job(folder: Path) -> list[Log]:
    """Return Hydra's log of the job, and other ``.log`` files that the task wrote in its folder."""
    files = sorted(folder.glob("*.log"))
    texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    return [Log(str(file), text) for file, text in texts.items() if text.strip()]


def _of_worker(folder: Path, run: ReadRun) -> list[Log]:
    """Return the output of the worker during the attempt."""
    worker = run.tags.get(schema.WORKER)
    files = [log_file(parent / "workers", int(worker)) for parent in folder.parents if worker]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        return []
    attempt = int(run.tags.get(schema.ATTEMPT, 1))
    if schema.CONFIRMS in run.tags:
        text = _part(found, int(run.tags[schema.CONFIRMS]), attempt, folder.name)
    else:
        text = _part(found, int(run.tags[schema.TRIAL]), attempt, None)
    return [Log(str(found), text)] if text.strip() else []


def _part(file: Path, trial: int, attempt: int, folder: str | None) -> str:
    """Return the text below the last such title, up to the line break before the next title."""
    wanted, part, is_inside = (str(trial), str(attempt), folder), list[str](), False
    # A carriage return, as in progress bars, does not end a line.
    with open(file, encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            if title := TITLE.fullmatch(line.rstrip("\n")):
                if is_inside:
                    part[-1] = part[-1].removesuffix("\n")
                is_inside = title.groups() == wanted
                part = [] if is_inside else part
            elif is_inside:
                part.append(line)
    return "".join(part)
