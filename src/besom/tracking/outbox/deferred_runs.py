"""Creates runs. A run that starts while MLflow is down is deferred: it is created later.

Until then a deferred run has a key of our own, which is kept in its tag ``besom.key``. A process
searches for this tag before it creates the run, so no run is created twice, whichever process is
killed in between.

A server that hangs may accept a request, not answer, and carry it out minutes later. So a harmless
request is sent first, and a request that was sent is never treated as failed.
"""

import threading
import uuid
from collections.abc import Callable, Sequence
from functools import partial

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException

from besom.common.states import State
from besom.tracking import schema
from besom.tracking.address import sqlite_path
from besom.tracking.outbox.entries import Entry, Kind
from besom.tracking.outbox.sender import NotYet

PREFIX = "late-"
REFUSALS = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE")
WAIT_SECONDS = 2.0
"""How long a trial waits for its run before it starts without one."""


def is_away(error: BaseException) -> bool:
    """Return whether a store could not be reached, as opposed to refusing the request."""
    if isinstance(error, MlflowException):
        return error.error_code not in REFUSALS
    return isinstance(error, OSError | RequestException) and not isinstance(error, NotYet)


class DeferredRuns:
    """Creates all runs, and maps the keys of deferred runs to MLflow's ids.

    Attributes:
        is_away: whether the store did not answer the last request.
    """

    def __init__(self, client: MlflowClient, experiment_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._known: dict[str, str] = {}
        self._requests: dict[str, CreateRequest] = {}
        self._may_hang = sqlite_path(client.tracking_uri) is None
        self.is_away = False

    @staticmethod
    def new_key() -> str:
        """Return a new unique key for a run."""
        return PREFIX + uuid.uuid4().hex

    def start(self, key: str, opened: Entry, may_be_deferred: bool) -> str | None:
        """Create a run with this key and return its id, or None where the run is deferred.

        Raises:
            Exception: of MLflow or the network: it refuses the run, or it does not answer and the
                run may not be deferred.
        """
        if not may_be_deferred:
            return self._create(key, opened)
        if self.is_away:
            return None  # do not wait for a store that did not answer a moment ago
        try:
            return self._create(key, opened, WAIT_SECONDS if self._may_hang else None)
        except Exception as error:
            if not is_away(error):
                raise
        self.is_away = True
        return None

    def run_id(self, key: str) -> str:
        """Return MLflow's id of a run; ``key`` itself where it is an id.

        Raises:
            NotYet: the run has not been created.
        """
        if not key.startswith(PREFIX):
            return key
        if (found := self._known.get(key) or self._find(key)) is None:
            raise NotYet(f"run {key} has not been created yet")
        return found

    def ensure(self, key: str, told: Sequence[Entry]) -> str:
        """Return MLflow's id of a run; create it where it is missing and ``told`` opens it.

        Raises:
            NotYet: the run does not exist, and ``told`` does not open it.
            TimeoutError: the store has not answered an earlier request for the run.
        """
        if key.startswith(PREFIX) and key not in self._known:
            self._await_request(key)
            opened = next((entry for entry in told if entry.kind == Kind.OPENED), None)
            if opened and key not in self._known:
                self._known[key] = self._find(key) or self._create(key, opened)
        return self.run_id(key)

    def close_unused(self, key: str) -> None:
        """Close the other runs that repeated requests for a deferred run have created."""
        if not key.startswith(PREFIX):
            return
        query = f"tags.`{schema.KEY}` = '{key}' AND attributes.status = 'RUNNING'"
        for run in self._client.search_runs([self._experiment_id], query):
            self._client.set_tag(run.info.run_id, schema.STATE, State.LOST.value)
            self._client.set_terminated(run.info.run_id, schema.RunStatus.KILLED)

    def _create(self, key: str, opened: Entry, seconds: float | None = None) -> str:
        """Create a run. No other code does.

        Args:
            seconds: how long to wait for the answer; without limit where None.

        Raises:
            TimeoutError: there is no answer yet.
        """
        create = partial(
            self._client.create_run,
            self._experiment_id,
            start_time=opened.at,
            tags=opened.body["tags"],
            run_name=opened.body["name"],
        )
        if seconds is None:
            return str(create().info.run_id)
        probe = partial(self._client.get_experiment, self._experiment_id)
        request = CreateRequest(probe, lambda: str(create().info.run_id))
        try:
            return request.wait(seconds)
        except TimeoutError:
            self._requests[key] = request
            raise

    def _await_request(self, key: str) -> None:
        """Wait for the answer to an earlier request for a run, where there is one."""
        request = self._requests.get(key)
        if request is None:
            return
        if not request.has_ended(WAIT_SECONDS):
            raise TimeoutError(f"run {key} has been asked for, and there is no answer yet")
        del self._requests[key]
        if request.run_id is not None:
            self._known[key] = request.run_id

    def _find(self, key: str) -> str | None:
        found = self._client.search_runs([self._experiment_id], f"tags.`{schema.KEY}` = '{key}'")
        self.is_away = False
        if not found:
            return None
        # A server may have created several: MLflow's client repeats a request without an answer.
        self._known[key] = str(max(found, key=_n_told).info.run_id)
        return self._known[key]


class CreateRequest:
    """The request for one run, sent by its own thread. The answer may come at any time.

    Args:
        probe: sends the store a harmless request, and returns once it has answered.
        create: creates the run, and returns its id.

    Attributes:
        run_id: the run's id, once it is known.
    """

    def __init__(self, probe: Callable[[], object], create: Callable[[], str]) -> None:
        self._probe = probe
        self._create = create
        self._sending = threading.Lock()
        self._is_sent = self._is_called_off = False
        self._ended = threading.Event()
        self._error: Exception | None = None
        self.run_id: str | None = None
        threading.Thread(target=self._work, name="besom-create", daemon=True).start()

    def wait(self, seconds: float) -> str:
        """Wait for the run's id and return it.

        Raises:
            TimeoutError: there is no answer yet. A request that is not sent yet is called off.
            Exception: of MLflow or the network.
        """
        if not self._ended.wait(seconds):
            with self._sending:
                self._is_called_off = True
            raise TimeoutError(f"no answer within {seconds:g} s")
        if self._error:
            raise self._error
        assert self.run_id is not None
        return self.run_id

    def has_ended(self, seconds: float) -> bool:
        """Return whether the request is over: it was never sent, or is answered within ``seconds``
        from now."""
        return not self._is_sent or self._ended.wait(seconds)

    def _work(self) -> None:
        try:
            self._probe()
            with self._sending:
                if self._is_called_off:
                    return
                self._is_sent = True
            self.run_id = self._create()
        except Exception as error:
            self._error = error
        finally:
            self._ended.set()


def _n_told(run: Run) -> int:
    """Return the amount of data in a run; of several with one key, the unused have the least."""
    return len(run.data.params) + len(run.data.metrics) + len(run.data.tags)
