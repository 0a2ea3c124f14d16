"""Keeps one study of a database in the memory of the only process that writes to it.

Optuna's own cache reads every unfinished trial again at each query, and a pruner queries at each
report. Here the database is read once, when the study is opened; afterwards it is only written.
"""

import copy
from bisect import insort
from collections.abc import Container, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState, create_trial

from besom.search.storage import tables
from besom.search.storage.transaction import Transaction
from besom.search.trial_row import IMPORTED, OWN, is_no_rival

_number = attrgetter("number")

SQLITE_STEP = 2**63 - 1
SERVER_STEP = 2**31 - 1
"""Optuna's column for steps is an integer, which has 32 bits in PostgreSQL and MySQL."""

PARENTS = ":parent:"
"""Part of the names of study attributes in which genetic samplers keep a generation's parents."""


class CachedStorage(BaseStorage):
    """Optuna's storage for one study: reads are answered from memory, and writes go to ``disk``.

    Intermediate values are written with the trial's end, in one transaction. Before that only
    pruners need them, and these read from here. Trials are replaced and never changed, as in
    Optuna's own storages, so that a caller's trial stays as it was.

    Args:
        disk: the storage of the database. Meanwhile other processes may add trials, but not
            change them.
        transaction: groups the writes inside it; see ``transaction.py``.
        largest_step: the largest step that the disk can hold. Later ones are in memory and MLflow.
    """

    def __init__(
        self,
        disk: BaseStorage,
        study_id: int,
        transaction: Transaction,
        largest_step: int = SQLITE_STEP,
    ) -> None:
        self._disk = disk
        self._largest_step = largest_step
        self._transaction = transaction
        self._name = disk.get_study_name_from_id(study_id)
        self._directions = disk.get_study_directions(study_id)
        self._trials = disk.get_all_trials(study_id, deepcopy=False)
        self._numbers = {trial._trial_id: trial.number for trial in self._trials}
        self._hidden: Set[int] = frozenset()
        self._complete: list[FrozenTrial] = []
        self.show_instead(())  # derives what is kept beside the trials

    def show_instead(self, trials: Sequence[FrozenTrial]) -> None:
        """Replace the trials with the same numbers by these, in memory only."""
        for trial in trials:
            self._trials[trial.number] = trial
        self._complete = [t for t in self._visible() if _is_complete(t)]
        self._n_waiting = sum(trial.state is TrialState.WAITING for trial in self._trials)
        self._no_rivals = {trial.number for trial in self._trials if is_no_rival(trial)}

    def hide(self, numbers: Set[int]) -> None:
        """Hide these ended trials from Optuna's samplers and pruners."""
        self._hidden = numbers
        self._complete = [trial for trial in self._complete if trial.number not in numbers]

    @contextmanager
    def for_pruners(self) -> Iterator[None]:
        """Hide the trials that no pruner must compare another with: see ``is_no_rival``."""
        hidden, complete = self._hidden, self._complete
        if self._no_rivals:
            self._hidden = hidden | self._no_rivals
            self._complete = [one for one in complete if one.number not in self._no_rivals]
        try:
            yield
        finally:
            self._hidden, self._complete = hidden, complete

    def empty(self, trials: Sequence[FrozenTrial]) -> None:
        """Turn these trials into empty failed ones that count nowhere, in the database too. To
        delete them would change the numbers of other trials."""
        tables.empty(self._disk, [trial._trial_id for trial in trials], {IMPORTED: {}})
        emptied = [create_trial(state=TrialState.FAIL, user_attrs={IMPORTED: {}}) for _ in trials]
        for old, new in zip(trials, emptied, strict=True):
            new.number, new._trial_id = old.number, old._trial_id
        self.show_instead(emptied)

    def everything(self) -> list[FrozenTrial]:
        """Return all trials, including the hidden ones."""
        return self._trials

    def second_study(
        self, name: str, directions: Sequence[StudyDirection]
    ) -> "CachedStorage | None":
        """Return another study of the same database. If there is none, make it with the given
        directions, or return None if there are none."""
        try:
            study_id = self._disk.get_study_id_from_name(name)
        except KeyError:
            if not directions:
                return None
            study_id = self._disk.create_new_study(directions, name)
        return CachedStorage(self._disk, study_id, self._transaction, self._largest_step)

    # -- the study -----------------------------------------------------------------------------

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        raise NotImplementedError("this storage has the one study that it was made for")

    def delete_study(self, study_id: int) -> None:
        raise NotImplementedError("this storage has the one study that it was made for")

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._disk.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._directions

    def set_directions(self, study_id: int, directions: Sequence[StudyDirection]) -> None:
        """Change the directions that the study was made with, which Optuna cannot do."""
        tables.replace_directions(self._disk, study_id, directions)
        self._directions = list(directions)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._disk.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attributes, except a generation's parents that include hidden trials."""
        kept = self._disk.get_study_system_attrs(study_id)
        return {key: ids for key, ids in kept.items() if PARENTS not in key or self._shows(ids)}

    def _shows(self, trial_ids: Sequence[int]) -> bool:
        return not any(self._numbers.get(trial_id) in self._hidden for trial_id in trial_ids)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._disk.set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._disk.set_study_system_attr(study_id, key, value)

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._disk.get_all_studies()

    # -- reading trials ------------------------------------------------------------------------

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._trials[self._numbers[trial_id]]

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self._trials[trial_number]._trial_id

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = self._in_states(states)
        return copy.deepcopy(trials) if deepcopy else trials

    def _in_states(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        if states is None:
            return self._visible()
        # These two are requested at every report and at every proposal.
        if states == (TrialState.COMPLETE,):
            return list(self._complete)
        if states == (TrialState.WAITING,) and not self._n_waiting:
            return []
        found = [trial for trial in self._visible() if trial.state in states]
        if states == (TrialState.WAITING,):  # the baseline comes before what others have enqueued
            found.sort(key=lambda trial: OWN not in trial.user_attrs)
        return found

    def _visible(self) -> list[FrozenTrial]:
        if not self._hidden:
            return list(self._trials)
        return [trial for trial in self._trials if trial.number not in self._hidden]

    # -- writing trials ------------------------------------------------------------------------

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        template = template_trial or create_trial(state=TrialState.RUNNING, user_attrs={OWN: True})
        trial_id = self._disk.create_new_trial(study_id, template)
        trial = copy.copy(template)
        trial._trial_id = trial_id
        trial.number = self._catch_up(study_id, trial_id)
        self._append(trial)
        return trial_id

    def _catch_up(self, study_id: int, trial_id: int) -> int:
        """Load trials that another program added before this one, and return this one's number.

        Trials that it added later are loaded with the next one.
        """
        known = len(self._trials)
        if self._disk.get_trial_id_from_study_id_trial_number(study_id, known) == trial_id:
            return known
        number = self._disk.get_trial_number_from_id(trial_id)
        for other in self._disk.get_all_trials(study_id, deepcopy=False)[known:number]:
            self._append(other)
        return number

    def _append(self, trial: FrozenTrial) -> None:
        self._numbers[trial._trial_id] = trial.number
        self._trials.append(trial)
        self._n_waiting += trial.state is TrialState.WAITING
        if _is_complete(trial):
            self._complete.append(trial)
        if is_no_rival(trial):
            self._no_rivals.add(trial.number)

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        trial = self._updatable(trial_id)
        self._disk.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        value = distribution.to_external_repr(param_value_internal)
        trial.params = trial.params | {param_name: value}
        trial.distributions = trial.distributions | {param_name: distribution}
        self._trials[trial.number] = trial

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        trial = self._updatable(trial_id)
        was_waiting = trial.state is TrialState.WAITING
        with self._transaction():
            if state.is_finished() and trial.intermediate_values:
                tables.write_intermediate_values(self._disk, trial, self._largest_step)
            if not self._disk.set_trial_state_values(trial_id, state, values):
                return False
        trial.state = state
        if values is not None:
            trial.values = list(values)
        if state is TrialState.RUNNING:
            trial.datetime_start = datetime.now()
        if state.is_finished():
            trial.datetime_complete = datetime.now()
        self._trials[trial.number] = trial
        self._n_waiting -= was_waiting and state is not TrialState.WAITING
        if _is_complete(trial):
            insort(self._complete, trial, key=_number)
        if is_no_rival(trial):
            self._no_rivals.add(trial.number)
        return True

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        trial = self._updatable(trial_id)
        trial.intermediate_values = trial.intermediate_values | {step: intermediate_value}
        self._trials[trial.number] = trial

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self.set_trial_user_attrs(trial_id, {key: value})

    def set_trial_user_attrs(self, trial_id: int, attributes: Mapping[str, Any]) -> None:
        """Set several user attributes at once."""
        trial = self._updatable(trial_id)
        tables.write_user_attributes(self._disk, trial_id, attributes)
        trial.user_attrs = trial.user_attrs | dict(attributes)
        self._trials[trial.number] = trial

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        trial = self._updatable(trial_id)
        self._disk.set_trial_system_attr(trial_id, key, value)
        trial.system_attrs = trial.system_attrs | {key: value}
        self._trials[trial.number] = trial

    def _updatable(self, trial_id: int) -> FrozenTrial:
        """Return a copy of the trial, to be changed and to replace it."""
        trial = self.get_trial(trial_id)
        self.check_trial_is_updatable(trial_id, trial.state)
        return copy.copy(trial)


def _is_complete(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.COMPLETE
