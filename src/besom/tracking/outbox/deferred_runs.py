"""New runs; those that began while MLflow was away are created when it is back.

Such a late run has a name of our own until then, which its tag ``besom.key`` keeps: who finds that
tag has found the run, so that none is created twice, whichever process is killed in between.
"""

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException

from besom.common.states import State
from besom.tracking import schema
from besom.tracking.address import sqlite_path
from besom.tracking.outbox.create import WAIT_SECONDS, Creation
from besom.tracking.outbox.log import OPENED, Entry
from besom.tracking.outbox.sender import NotYet

PREFIX = "late-"
REFUSALS = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE")


def new_key() -> str:
    """A name for a run that no other run has."""
    return PREFIX + uuid.uuid4().hex


def is_away(error: BaseException) -> bool:
    """Whether a store could not be asked, rather than that it has refused."""
    if isinstance(error, MlflowException):
        return error.error_code not in REFUSALS
    return isinstance(error, OSError | RequestException) and not isinstance(error, NotYet)


class Latecomers:
    """Creates runs, and knows which run each of the late ones has become.

    Attributes:
        is_away: whether the store did not answer when it was last asked.
    """

    def __init__(self, client: MlflowClient, experiment_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._known: dict[str, str] = {}
        self._asked_for: dict[str, Creation] = {}
        self._may_hang = sqlite_path(client.tracking_uri) is None
        self.is_away = False

    def create(self, key: str, name: str, tags: Mapping[str, str], may_be_late: bool) -> str | None:
        """The id of a new run with this key; None where it will be a late one.

        Raises:
            Exception: of MLflow or the network: it refuses the run, or does not answer, and the run
                may not be late.
        """
        body = {"name": name, "tags": dict(tags)}
        if not may_be_late:
            return self._create(body)
        if self.is_away:
            return None  # no caller has to wait for a store that did not answer a moment ago
        try:
            return self._create_soon(key, body) if self._may_hang else self._create(body)
        except Exception as error:
            if not is_away(error):
                raise
        self.is_away = True
        return None

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
        """The same, for a run about which something is to be told: it is created if need be.

        Raises:
            TimeoutError: the store is still to say what has become of the run.
        """
        if key.startswith(PREFIX) and key not in self._known:
            self._settle(key)
        if key.startswith(PREFIX) and key not in self._known:
            for entry in entries:
                if entry.kind == OPENED:
                    self._known[key] = self._find(key) or self._create(entry.body, entry.at)
        return self.run_id(key)

    def close_doubles(self, key: str) -> None:
        """Close what else has come of the requests for a late run, now that the run is closed."""
        if not key.startswith(PREFIX):
            return
        query = f"tags.`{schema.KEY}` = '{key}' AND attributes.status = 'RUNNING'"
        for double in self._client.search_runs([self._experiment_id], query):
            self._client.set_tag(double.info.run_id, schema.STATE, State.LOST)
            self._client.set_terminated(double.info.run_id, schema.RunStatus.KILLED)

    def _settle(self, key: str) -> None:
        """Learn what has come of an earlier request for a run."""
        creation = self._asked_for.get(key)
        if creation is None:
            return
        if not creation.is_settled(WAIT_SECONDS):
            raise TimeoutError(f"run {key} has been asked for, and there is no answer yet")
        del self._asked_for[key]
        if creation.run_id is not None:
            self._known[key] = creation.run_id

    def _find(self, key: str) -> str | None:
        found = self._client.search_runs([self._experiment_id], f"tags.`{schema.KEY}` = '{key}'")
        self.is_away = False
        if not found:
            return None
        # A server may have made several: MLflow's client repeats a request that is not answered.
        self._known[key] = str(max(found, key=_told).info.run_id)
        return self._known[key]

    def _create_soon(self, key: str, body: Mapping[str, Any]) -> str:
        """Create a run, and wait a little for the answer.

        Raises:
            TimeoutError: there is none yet.
        """
        probe = partial(self._client.get_experiment, self._experiment_id)
        creation = Creation(probe, partial(self._create, body))
        try:
            return creation.wait(WAIT_SECONDS)
        except TimeoutError:
            self._asked_for[key] = creation
            raise

    def _create(self, body: Mapping[str, Any], at: int | None = None) -> str:
        run = self._client.create_run(
            self._experiment_id, start_time=at, tags=body["tags"], run_name=body["name"]
        )
        return str(run.info.run_id)


def _told(run: Run) -> int:
    """How much a run has been told: those that are not used have been told nothing."""
    return len(run.data.params) + len(run.data.metrics) + len(run.data.tags)
