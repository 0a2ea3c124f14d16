"""Sets several user attributes of a trial."""

from collections.abc import Mapping
from typing import Any

from optuna.storages import BaseStorage

from besom.search.storage.cached_storage import CachedStorage


def set_trial_user_attrs(
    storage: BaseStorage, trial_id: int, attributes: Mapping[str, Any]
) -> None:
    """Set user attributes of a trial, all at once if the storage can do that."""
    if isinstance(storage, CachedStorage):
        storage.set_trial_user_attrs(trial_id, attributes)
        return
    for key, value in attributes.items():
        storage.set_trial_user_attr(trial_id, key, value)
