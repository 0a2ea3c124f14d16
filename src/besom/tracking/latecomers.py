"""Runs that began while MLflow was away, and are created when it is back.

Such a run has a name of our own until then, which its tag ``besom.key`` keeps: who finds that tag
has found the run, so that none is created twice, whoever is killed in between.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException

from besom.tracking.courier import NotYet
from besom.tracking.spool import OPENED, Entry

KEY = "besom.key"
PREFIX = "late-"
REFUSALS = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE")


def new_key() -> str:
    """A name for a run that nobody else has."""
    return PREFIX + uuid.uuid4().hex


def is_away(error: BaseException) -> bool:
    """Whether a store could not be asked, rather than that it has refused."""
    if isinstance(error, MlflowException):
        return error.error_code not in REFUSALS
    return isinstance(error, OSError | RequestException) and not isinstance(error, NotYet)


class Latecomers:
    """Creates such runs, and knows which run each of them has become."""

    def __init__(self, client: MlflowClient, experiment_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._known: dict[str, str] = {}

    def run_id(self, key: str) -> str:
        """MLflow's name of a run; ``key`` itself where that is one.

        Raises:
            NotYet: it has not been created.
        """
        if not key.startswith(PREFIX):
            return key
        if (found := self._known.get(key) or self._find(key)) is None:
            raise NotYet(f"run {key} has not been created yet")
        return found

    def admit(self, key: str, entries: Sequence[Entry]) -> str:
        """The same, for a run about which something is to be told: it is created if need be."""
        if key.startswith(PREFIX) and key not in self._known:
            for entry in entries:
                if entry.kind == OPENED:
                    self._known[key] = self._find(key) or self._create(entry.body, entry.at)
        return self.run_id(key)

    def _find(self, key: str) -> str | None:
        found = self._client.search_runs([self._experiment_id], f"tags.`{KEY}` = '{key}'")
        if not found:
            return None
        self._known[key] = str(found[0].info.run_id)
        return self._known[key]

    def _create(self, body: Mapping[str, Any], at: int) -> str:
        run = self._client.create_run(
            self._experiment_id, start_time=at, tags=body["tags"], run_name=body["name"]
        )
        return str(run.info.run_id)
