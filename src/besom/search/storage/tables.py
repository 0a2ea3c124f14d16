"""Writes rows of Optuna's tables that Optuna's storages write one by one, or not at all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from optuna.storages import BaseStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.models import (
    StudyDirectionModel,
    TrialIntermediateValueModel,
    TrialModel,
    TrialParamModel,
    TrialSystemAttributeModel,
    TrialUserAttributeModel,
    TrialValueModel,
)
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


def replace_directions(
    disk: BaseStorage, study_id: int, directions: Sequence[StudyDirection]
) -> None:
    """Replace the directions of a study."""
    with _session(disk) as session:
        session.query(StudyDirectionModel).filter_by(study_id=study_id).delete()
        session.add_all(
            StudyDirectionModel(study_id=study_id, objective=number, direction=direction)
            for number, direction in enumerate(directions)
        )


def write_intermediate_values(disk: BaseStorage, trial: FrozenTrial, largest_step: int) -> None:
    """Write all intermediate values of a trial together, and replace those in the database.

    Optuna's storage queries the trial and the step before it writes each value. With ten values
    that is half of the time that ending a trial takes.

    Raises:
        optuna.exceptions.UpdateFinishedTrialError: another process has ended the trial.
    """
    with _session(disk) as session:
        _refuse_ended(disk, session, trial._trial_id)
        session.query(TrialIntermediateValueModel).filter_by(trial_id=trial._trial_id).delete()
        session.add_all(
            _intermediate_value(trial._trial_id, step, value)
            for step, value in trial.intermediate_values.items()
            if step <= largest_step
        )


def write_user_attributes(disk: BaseStorage, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Write several user attributes of a trial together, and replace those with the same keys.

    Raises:
        optuna.exceptions.UpdateFinishedTrialError: another process has ended the trial.
    """
    model = TrialUserAttributeModel
    with _session(disk) as session:
        _refuse_ended(disk, session, trial_id)
        known = session.query(model).filter_by(trial_id=trial_id)
        known.filter(model.key.in_(attributes)).delete()
        session.add_all(
            model(trial_id=trial_id, key=key, value_json=json.dumps(value))
            for key, value in attributes.items()
        )


def empty(disk: BaseStorage, trial_ids: Iterable[int], attributes: Mapping[str, Any]) -> None:
    """Turn trials into failed ones that have nothing but these attributes."""
    rows: tuple[Any, ...] = (
        TrialParamModel,
        TrialValueModel,
        TrialIntermediateValueModel,
        TrialSystemAttributeModel,
        TrialUserAttributeModel,
    )
    now = datetime.now()
    ended: Any = {"state": TrialState.FAIL, "datetime_start": now, "datetime_complete": now}
    with _session(disk) as session:
        for trial_id in trial_ids:
            for model in rows:
                session.query(model).filter_by(trial_id=trial_id).delete()
            trial = session.query(TrialModel).filter_by(trial_id=trial_id)
            trial.update(ended, synchronize_session=False)
            session.add_all(
                TrialUserAttributeModel(trial_id=trial_id, key=key, value_json=json.dumps(value))
                for key, value in attributes.items()
            )


def _refuse_ended(disk: BaseStorage, session: Any, trial_id: int) -> None:
    """Refuse a trial that has ended, as Optuna does before each write.

    Another process may have ended the trial while this one was suspended.
    """
    state: Any = TrialModel.find_or_raise_by_id(trial_id, session).state
    disk.check_trial_is_updatable(trial_id, state)


def _intermediate_value(trial_id: int, step: int, value: float) -> TrialIntermediateValueModel:
    stored, kind = TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    return TrialIntermediateValueModel(
        trial_id=trial_id, step=step, intermediate_value=stored, intermediate_value_type=kind
    )


def _session(disk: BaseStorage) -> AbstractContextManager[Any]:
    assert isinstance(disk, _CachedStorage)
    return _create_scoped_session(disk._backend.scoped_session)
