"""The request for a new run, which is answered at an unknown time.

A server that hangs takes a request and is silent, and may carry it out minutes later. So it is
asked for something harmless first, and a request that was sent is never taken for one that failed.
"""

import threading
from collections.abc import Callable

WAIT_SECONDS = 2.0
"""How long a trial waits for its run before it begins without."""


class Creation:
    """One run, asked for on a thread of its own.

    Args:
        probe: asks the store for anything; returns once it has answered.
        create: creates the run, and returns its id.

    Attributes:
        run_id: the run, once it is known.
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
        """The run's id.

        Raises:
            TimeoutError: there is no answer so far. What has not been sent never will be.
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

    def is_settled(self, seconds: float) -> bool:
        """Whether nothing more will come of it: it was never sent, or has been answered within
        ``seconds`` from now."""
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
