"""Deletes files and models of a study that are not needed any more."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from besom.common.errors import StudyError
from besom.common.locks import only_supervisor
from besom.common.terminal.commands import besom_command
from besom.common.terminal.table import Column, table
from besom.results.clean.found import Findings, find, n_waiting
from besom.results.studies import StudyRecord, read_study
from besom.search.options import SweepOptions
from besom.search.ranking import models_kept
from besom.search.storage.database import existing_study, lock_of, storage_of
from besom.sweep.recovery.own_sweep import how_begun
from besom.tracking import schema
from besom.tracking.address import own_address
from besom.tracking.models.deleted import delete_models
from besom.tracking.reader import Reader, open_reader

KEPT = "best 3"
"""The default, if neither the command nor the sweep limits the models."""


@dataclass(frozen=True)
class Cleaned:
    """What can be deleted or was deleted, and what stays.

    Attributes:
        rows: kind, number and bytes.
        keeps: the trials whose models stay: ``best 3``.
        waiting: the number of runs that have not ended, or are not fully delivered to MLflow.
        is_done: whether it was deleted.
    """

    rows: Sequence[tuple[str, int, int]]
    keeps: str
    waiting: int
    is_done: bool

    def lines(self, study: str, flags: str = "") -> list[str]:
        """Return a table with a heading and remarks, as lines."""
        n_all, n_bytes = sum(row[1] for row in self.rows), sum(row[2] for row in self.rows)
        rows = [*self.rows, ("all", n_all, n_bytes)]
        columns = [
            Column("what", [what for what, _, _ in rows], is_text=True),
            Column("number", [f"{number:,}" for _, number, _ in rows]),
            Column("MB", [f"{size / 1e6:,.1f}" for _, _, size in rows]),
        ]
        head = "Deleted" if self.is_done else "Could be deleted"
        lines = [f"{head} of study {study}:", "", *table(columns, None)[0], ""]
        lines.append(f"Models that stay: {self.keeps}, and all that were confirmed or registered.")
        if self.waiting:
            what = "run has not ended or is" if self.waiting == 1 else "runs have not ended or are"
            sync = besom_command("sync", flags=flags)
            lines.append(f"{self.waiting} {what} not in MLflow yet ({sync}): their files stay.")
        return lines


def clean(root: Path, uri: str | None, name: str, keep: str | None, is_dry: bool) -> Cleaned:
    """Find what can be deleted of a study, and delete it.

    Args:
        keep: the trials whose models stay: ``all``, ``best N`` or ``none``. If it is None, the
            sweep's own option, or ``KEPT`` if that keeps all.
        is_dry: only find it.

    Raises:
        StudyError: there is no such study, it is being swept, or its sweep is of another root.
        ConfigError: ``keep`` is something else.
        StoreError: the record cannot be read or changed.
    """
    reader = open_reader(root, uri)
    options = _options(reader, read_study(reader, name), root)
    if keep is None:
        of_sweep = models_kept(options.keep_models)
        keep = KEPT if of_sweep is None else options.keep_models
    number = models_kept(keep, option="--keep")
    is_own = uri in (None, own_address(root))
    uri = uri or own_address(root)
    with nullcontext() if is_dry else _alone(options):
        study = read_study(reader, name)  # read again, now that no sweep of it runs
        _refuse_another_sweep(study, options, is_own)
        found = find(study, uri, root, number)
        cleaned = Cleaned(found.rows(), keep, n_waiting(study, root), not is_dry)
        if not is_dry:
            _delete(found, uri)
    return cleaned


def _options(reader: Reader, study: StudyRecord, root: Path) -> SweepOptions:
    """Return the sweep's options that say where its study is, and which models it keeps."""
    text = reader.text(study.parent.run_id, schema.SWEEPER_FILE) or "{}"
    written: Any = OmegaConf.to_container(OmegaConf.create(text))
    given = {key: written.get(key) for key in ("storage", "keep_models")}
    return SweepOptions(root=str(root), study_name=study.name, **given)


@contextmanager
def _alone(options: SweepOptions) -> Iterator[None]:
    """Keep sweeps of the study from running inside this block.

    Raises:
        StudyError: a sweep of the study is running.
    """
    with ExitStack() as held:
        try:
            held.enter_context(only_supervisor(*lock_of(options)))
        except StudyError as error:
            holder = str(error).splitlines()[0]
            raise StudyError(f"{holder}\nClean it when the sweep has ended.") from error
        yield


def _refuse_another_sweep(study: StudyRecord, options: SweepOptions, is_own: bool) -> None:
    """Refuse a study whose sweep is not that of the database which the lock is for.

    Args:
        is_own: whether the record is below the root, where no other root's sweeps are recorded.

    Raises:
        StudyError: it is another's.
    """
    storage = storage_of(options)
    swept = existing_study(study.name, storage)
    if swept is None and is_own:  # the database is gone
        return
    if swept is not None:
        with closing(swept):
            if swept.recall("run_id") == study.parent.run_id:
                return
    raise StudyError(
        f"the sweep of {study.name} in the record, begun {how_begun(study.parent, study.runs)}, "
        f"is not that of {storage}, so nothing of it is deleted.\n"
        "Give --root with the folder of that sweep, on the machine that has it."
    )


def _delete(found: Findings, uri: str) -> None:
    """Delete what was found. After a kill in between, the next call finds the rest."""
    for files in found.files.values():
        for file in files:
            file.unlink(missing_ok=True)
    delete_models(uri, found.models, "besom clean")
