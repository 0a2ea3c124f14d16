"""Reads and checks the studies of ``hydra.sweeper.warm_start`` before a sweep begins."""

from collections.abc import Iterator
from contextlib import closing

from besom.common.addresses import mask
from besom.common.errors import ConfigError
from besom.search.algorithms.by_path import ByPath
from besom.search.objective import Objective
from besom.search.options import SweepOptions
from besom.search.warm_start.options import number_of_best, source_names
from besom.search.warm_start.transfer import Target, transfer
from besom.search.warm_start.trials import SourceStudy, Transferred, WarmStart

LEARNING = ("tpe", "gp", "cmaes")
"""The samplers that learn from any trial. Genetic ones use only their own generations."""


def read_warm_start(options: SweepOptions, objective: Objective, target: Target) -> WarmStart:
    """Read the trials of other studies from which a study learns.

    Once the study has imported them and has a value of its own, they are not read again: their
    study may have been deleted by then. Before that the study may still change its objective, and
    then needs other trials.

    Raises:
        ConfigError: a study does not exist, or its trials cannot be used.
    """
    written, n_best = source_names(options.warm_start), number_of_best(options.enqueue)
    shown = tuple(map(mask, written))
    if not written:
        return WarmStart()
    from besom.search.storage.database import storage_of  # SQLAlchemy, which few sweeps need here
    from besom.search.warm_start.sources import read_source

    storage = storage_of(options)
    has_them, is_settled = _has_them(options.study_name, storage, shown)
    if is_settled:
        return WarmStart(shown, n_best=n_best)
    try:
        sources = [read_source(one, options.study_name, storage, objective) for one in written]
        found = [transfer(source, target) for source in sources]
    except ConfigError as error:
        if has_them:
            return WarmStart(shown, n_best=n_best, unread=str(error))
        raise
    trials = tuple(trial for some in found for trial in some)
    said = (*map(_sentence, sources, found), *_unlearnt(options))
    facts = {source.name: source.facts for source in sources if source.facts}
    return WarmStart(shown, trials, n_best, said, facts)


def _has_them(name: str, storage: str, shown: tuple[str, ...]) -> tuple[bool, bool]:
    """Return whether a study has imported them, and whether its objective can no longer change."""
    from besom.search.storage.database import existing_study

    study = existing_study(name, storage)
    if study is None:
        return False, False
    with closing(study):
        has_them = study.recall("warm_start") == list(shown)
        return has_them, has_them and not study.is_unjudged


def _sentence(source: SourceStudy, trials: list[Transferred]) -> str:
    """Return the remark ``The sampler learns from 26 of the 30 finished trials of wide; …``."""
    n_out = len(source.trials) - len(trials)
    of_all = f"{len(trials)} of the {len(source.trials)}" if n_out else f"the {len(trials)}"
    why = "; the others lie outside this space" if n_out else ""
    assumed = {key: None for trial in trials for key in trial.assumed}
    if assumed:
        why += f"; for {', '.join(assumed)}, not known of them, the baseline's value stands"
    return f"The sampler learns from {of_all} finished trials of {source.name}{why}."


def _unlearnt(options: SweepOptions) -> Iterator[str]:
    name = options.sampler.name
    if not isinstance(options.sampler, ByPath) and name not in LEARNING:  # it may learn or not
        yield (
            f"hydra/sweeper/sampler={name} does not learn from other studies' trials; "
            "hydra.sweeper.enqueue='best 5' tries their best."
        )
