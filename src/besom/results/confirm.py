"""``besom confirm``: repeats the command that began a study, only to confirm its trials."""

from collections.abc import Sequence
from pathlib import Path

from besom.app.command import quoted
from besom.common.addresses import HIDDEN
from besom.common.errors import StudyError
from besom.common.states import State
from besom.common.terminal.commands import besom_command
from besom.results.studies import read_study
from besom.results.workload import ONLY, TOP_K, begun
from besom.tracking.reader import open_reader

SWEEPER = "hydra.sweeper"
LEFT_OUT = ("hydra.mode", f"{SWEEPER}.dry_run")
"""Keys of the recorded command that a confirmation leaves out."""

MASKED = (f":{HIDDEN}@", f"={HIDDEN}")
"""What the record has in the place of a password; see :func:`besom.common.addresses.mask`."""


def sweep_words(
    root: Path,
    uri: str | None,
    name: str,
    top_k: int | None = None,
    seeds: int | None = None,
    workers: int | str | None = None,
    overrides: Sequence[str] = (),
) -> list[str]:
    """Return the arguments of ``besom sweep`` with which a study's command confirms its trials.

    Args:
        top_k, seeds, workers: if None, those of the sweep itself.
        overrides: ``KEY=VALUE``; they replace recorded overrides of the same keys.

    Raises:
        StudyError: there is no such study, it has no finished trial, it belongs to another
            application, or its command needs a password that the record does not keep.
    """
    reader = open_reader(root, uri)
    study = read_study(reader, name)
    if not any(trial.state == State.COMPLETE for trial in study.trials):
        raise StudyError(f"study {name} has no finished trial to confirm")
    command = begun(reader, study)
    if not command:
        raise StudyError(
            f"study {name} was not begun by besom sweep; give its own command again with "
            f"{ONLY} {TOP_K}={3 if top_k is None else top_k}\n"
            f"and, where no key `seed` seeds it, {SWEEPER}.confirm.seed_key=KEY"
        )
    words: dict[str, object] = {
        f"{SWEEPER}.study_name": quoted(name),
        TOP_K: top_k,
        f"{SWEEPER}.confirm.seeds": seeds,
        "tracking.root": quoted(str(root)),
        f"{SWEEPER}.n_jobs": workers,
        "tracking.uri": None if uri is None else quoted(uri),
    }
    given = {key: value for key, value in words.items() if value is not None}
    anew = {*LEFT_OUT, *given, *map(_key, overrides)}
    if uri is not None:
        anew.add(f"{SWEEPER}.tracking_uri")
    kept = [word for word in command["overrides"] if _key(word) not in anew and not _is_off(word)]
    _refuse_masked(kept, besom_command("confirm", name), reader.flags)
    return [
        command["config_name"],
        *kept,
        *(f"{k}={v}" for k, v in given.items()),
        *overrides,
        ONLY,
    ]


def _key(word: str) -> str:
    """Return the key of an override: ``a`` of ``+a=1``, ``a=1`` and ``~a``."""
    return word.partition("=")[0].lstrip("+~")


def _is_off(word: str) -> bool:
    """Return whether an override turns the confirmation off; the sweep's file then applies."""
    return _key(word) == TOP_K and word.partition("=")[2] == "0"


def _refuse_masked(kept: Sequence[str], command: str, flags: str) -> None:
    masked = [_key(word) for word in kept if any(mark in word for mark in MASKED)]
    if masked:
        again = " ".join(f"{key}=…" for key in masked)
        raise StudyError(
            f"the record keeps no password of {', '.join(masked)}; give it anew: "
            f"{command} {again}{flags}"
        )
