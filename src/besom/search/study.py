"""A study: the proposals and their results. Only one process writes to it."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import nullcontext
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from besom.common.states import State
from besom.common.text import unnamed
from besom.search import enqueued
from besom.search.algorithms.exhaustive import Grid
from besom.search.algorithms.experimental_warnings import unwarned
from besom.search.algorithms.windowed_sampler import WindowedSampler
from besom.search.constraints import Constraints
from besom.search.feasibility import best_of, judge_anew, note_violations
from besom.search.objective import as_directions, is_judged
from besom.search.space.space import Suggest
from besom.search.stopping.regret import regret_bound
from besom.search.storage.cached_storage import CachedStorage
from besom.search.storage.transaction import Transaction
from besom.search.storage.user_attributes import set_trial_user_attrs
from besom.search.trial_row import EARLIER, IMPORTED, OWN, PREFIX, STATES, TrialRow, is_own


class Study:
    """An Optuna study driven by ask and tell.

    What is written inside ``with study.transaction():`` is kept as a whole or not at all, if the
    database can do that (SQLite). After an error inside, the study in memory may hold more than the
    database and must not be used any more; a new process reads the database.
    """

    def __init__(
        self,
        study: optuna.Study,
        transaction: Transaction = nullcontext,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._study = study
        self.close = close  # closes the database, after which another sweep may use the study
        self._handles: dict[int, optuna.Trial] = {}
        self._left_out: Set[int] = frozenset()
        self._constraints = Constraints()
        self.transaction = transaction

    @property
    def name(self) -> str:
        return self._study.study_name

    @property
    def storage(self) -> CachedStorage:
        """The storage; a study in memory has none of this type."""
        storage = self._study._storage
        assert isinstance(storage, CachedStorage)
        return storage

    @property
    def directions(self) -> tuple[str, ...]:
        return tuple(direction.name.lower() for direction in self._study.directions)

    @property
    def objective_names(self) -> tuple[str, ...]:
        """The names of the objectives; those of :func:`unnamed` if they are not known."""
        count = len(self.directions)
        named = self.recall("objective") or (self.recall("fingerprint") or {}).get("objective", "")
        names = tuple(named.split(", "))
        return names if len(names) == count else unnamed(count)

    @property
    def has_begun(self) -> bool:
        """Whether the study has a trial of any program, other than enqueued and imported ones."""
        return any(trial.state is not TrialState.WAITING for trial in self._of_this_study())

    @property
    def is_unjudged(self) -> bool:
        """Whether no value of the objective has been used yet, neither a result nor a report."""
        return not any(map(is_judged, self._of_this_study()))

    def begin_anew(self, directions: Sequence[str]) -> None:
        """Change the directions, which :attr:`is_unjudged` allows, and empty the imported trials.

        The sweep gets a new parent run, and is to close the former one."""
        with self.transaction():
            self.storage.empty(enqueued.of_other_studies(self._study))
            self.remember("warm_start", None)
            self.storage.set_directions(self._study._study_id, as_directions(directions))
            self.remember("former_run_id", self.recall("run_id") or self.recall("former_run_id"))
            self.remember("run_id", None)
            self.remember("key", None)
        self._study = optuna.load_study(study_name=self.name, storage=self.storage)

    def leave_out(self, numbers: Set[int]) -> None:
        """Do not count these ended trials from now on."""
        self._left_out = numbers
        self.storage.hide(numbers)

    def constrain(self, constraints: Constraints) -> None:
        """Judge all trials by these constraints from now on, and ended ones anew."""
        self._constraints = constraints
        judge_anew(self.storage, constraints, self.recall(EARLIER) or {})

    def use(self, sampler: BaseSampler, pruner: BasePruner) -> None:
        self._study.sampler, self._study.pruner = sampler, pruner
        self._note_proposed(self._of_this_study())

    def _note_proposed(self, trials: Sequence[FrozenTrial]) -> None:
        if isinstance(self._study.sampler, Grid | WindowedSampler):
            self._study.sampler.proposed(self._study, trials)

    @property
    def exhausted(self) -> str:
        """Why the sampler proposes nothing more, as at the end of a grid; empty while it may."""
        sampler = self._study.sampler
        return sampler.exhausted if isinstance(sampler, Grid | WindowedSampler) else ""

    def enqueue(self, params: Mapping[str, Any], outside: Mapping[str, Any] | None = None) -> None:
        """Enqueue the baseline, to be proposed once and first; it replaces one that still waits.

        Args:
            outside: the values of a baseline outside the space. Then nothing is suggested to the
                trial, and samplers are not shown it.
        """
        enqueued.enqueue(self._study, params, outside)

    def enqueue_once(self, points: Iterable[Mapping[str, Any]]) -> list[int]:
        """Enqueue points after the baseline, and return their trials' numbers. A point is not
        enqueued again if a trial that counts has it already."""
        with self.transaction():
            return enqueued.enqueue_once(self._study, points)

    @property
    def n_waiting(self) -> int:
        """The number of enqueued points that have not been proposed yet."""
        return len(self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def withdraw(self) -> None:
        """Withdraw what :meth:`enqueue` has enqueued, if it still waits."""
        enqueued.withdraw(self._study)

    def leave_out_unfit(
        self, distributions: Mapping[str, optuna.distributions.BaseDistribution]
    ) -> list[str]:
        """End enqueued points of other programs that no trial can have, as failed trials of theirs.

        Returns a sentence about each."""
        return enqueued.leave_out_unfit(self._study, distributions)

    def ask(
        self,
        distributions: Mapping[str, optuna.distributions.BaseDistribution],
        suggest: Suggest | None = None,
        number: int | None = None,
    ) -> TrialRow:
        """Return the next proposal as a running trial.

        Args:
            distributions: the parameters that every trial has.
            suggest: adds parameters that depend on these.
            number: a trial whose proposal an earlier process began and did not finish.
        """
        with self.transaction(), unwarned():
            trial = self._study.ask() if number is None else self._handle(number)
            self._handles[trial.number] = trial
            if self.row(trial.number).outside is not None:
                return self.row(trial.number)
            for name, distribution in distributions.items():
                trial._suggest(name, distribution)  # as Study.ask does; a known value stays
            if suggest is not None:
                suggest(trial)
        self._note_proposed([self._frozen(trial.number)])
        return self.row(trial.number)

    def add(
        self, notes: Mapping[str, Any], state: State | None = None, values: Sequence[float] = ()
    ) -> TrialRow:
        """Add a trial that no sampler proposes, created together with its notes.

        Args:
            state: the state in which it has ended; None if it is running.
        """
        trial = create_trial(
            state=TrialState.RUNNING if state is None else STATES[state],
            values=list(values) or None,
            user_attrs={OWN: True} | {f"{PREFIX}{key}": note for key, note in notes.items()},
        )
        storage = self._study._storage
        trial_id = storage.create_new_trial(self._study._study_id, trial)
        return self._row(storage.get_trial(trial_id))

    def report(self, number: int, step: int, value: float) -> bool:
        """Record an intermediate value, and return whether the pruner would end the trial.

        A step that an earlier attempt at this trial has reported is not judged again.
        """
        handle = self._handle(number)
        if step in self._frozen(number).intermediate_values:
            return False
        handle.report(value, step)
        storage = self._study._storage
        view = storage.for_pruners() if isinstance(storage, CachedStorage) else nullcontext()
        with unwarned(), view:
            return handle.should_prune()

    def reports(self, number: int) -> Mapping[int, float]:
        """Return a trial's intermediate values by step; the database has them once it has ended."""
        return self._frozen(number).intermediate_values

    def tell(
        self,
        number: int,
        state: State,
        values: Sequence[float] = (),
        notes: Mapping[str, Any] | None = None,
        reports: Mapping[int, float] | None = None,
    ) -> None:
        """End a trial for good.

        Args:
            notes: the last facts to keep with it.
            reports: intermediate values that this process does not have yet.
        """
        told = list(values) if state is State.COMPLETE else None
        with self.transaction(), unwarned():
            self.note(number, **(notes or {}))
            for step, value in (reports or {}).items():
                self._handle(number).report(value, step)
            note_violations(self._handle(number), self._constraints, state, notes or {})
            self._study.tell(self._handle(number), told, state=STATES[state])
        del self._handles[number]

    def note(self, number: int, **notes: Any) -> None:
        """Keep facts with a trial that has not been told yet."""
        noted = {f"{PREFIX}{key}": note for key, note in notes.items()}
        set_trial_user_attrs(self._study._storage, self._trial_id(number), noted)

    def remember(self, key: str, value: Any) -> None:
        """Keep a fact with the study."""
        self._study.set_user_attr(f"{PREFIX}{key}", value)

    def recall(self, key: str) -> Any:
        """Return a fact that is kept with the study, or None."""
        return self._study.user_attrs.get(f"{PREFIX}{key}")

    def recall_all(self, prefix: str) -> list[Any]:
        """Return the facts kept with the study whose keys begin with ``prefix``."""
        start = f"{PREFIX}{prefix}"
        return [fact for key, fact in self._study.user_attrs.items() if key.startswith(start)]

    def rows(self) -> list[TrialRow]:
        """Return all trials that were ever proposed, by number.

        It leaves out trials that another program has made in a shared study. A sweep does not
        count, repeat or end them. Samplers learn from them nevertheless.
        """
        storage = self._study._storage
        if isinstance(storage, CachedStorage):
            trials = [trial for trial in storage.everything() if is_own(trial)]
        else:  # in memory it is this process's alone
            trials = self._of_this_study()
        return [self._row(trial) for trial in trials if trial.state is not TrialState.WAITING]

    def regret_bound(self, searched: Set[str]) -> float | None:
        """Return how far the best may fall short; see :mod:`besom.search.stopping.regret`."""
        return regret_bound(self._study, searched)

    def row(self, number: int) -> TrialRow:
        """Return one trial as it is now."""
        return self._row(self._frozen(number))

    def best(self) -> list[TrialRow]:
        """Return the best eligible trial; with several objectives, the Pareto front."""
        return best_of(self.rows(), self.directions)

    def _of_this_study(self) -> list[FrozenTrial]:
        trials = self._study.get_trials(deepcopy=False)
        return [trial for trial in trials if IMPORTED not in trial.user_attrs]

    def _row(self, trial: FrozenTrial) -> TrialRow:
        return TrialRow.of(trial, trial.number not in self._left_out, self._constraints)

    def _handle(self, number: int) -> optuna.Trial:
        """Return Optuna's handle of a trial, which an earlier process may have begun."""
        if number not in self._handles:
            self._handles[number] = optuna.Trial(self._study, self._trial_id(number))
        return self._handles[number]

    def _frozen(self, number: int) -> FrozenTrial:
        return self._study._storage.get_trial(self._trial_id(number))

    def _trial_id(self, number: int) -> int:
        storage, study_id = self._study._storage, self._study._study_id
        return storage.get_trial_id_from_study_id_trial_number(study_id, number)
