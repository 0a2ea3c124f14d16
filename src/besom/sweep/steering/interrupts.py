"""Handles Ctrl-C and similar signals in the sweep's own terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

from rich.console import Console

from besom.common.stdout import say
from besom.sweep.supervisor import Supervisor
from besom.workers.pool import Pool
from besom.workers.signals import handled_by, quitting_after


@contextmanager
def interruptible(supervisor: Supervisor, pool: Pool, console: Console) -> Iterator[list[int]]:
    """Stop running trials at their next report after one Ctrl-C; end everything after a second.

    The other signals of :func:`handled_by` do the same. Yield the signals received so far.
    """
    received: list[int] = []

    def tidy() -> None:
        console.show_cursor()
        pool.stop()

    def handle(number: int) -> None:
        received.append(number)
        if len(received) > 1:
            tidy()
            below_the_bars = "\n" if console.is_terminal else ""
            with redirect_stderr(sys.__stderr__):  # Rich would print it above the bars
                say(f"{below_the_bars}besom: ended at once; the same command resumes the sweep")
            os._exit(128 + number)  # whatever hangs; the next start recovers
        supervisor.stopping = True
        text = "stopping at the next epoch; once more ends everything now"
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    with handled_by(handle), quitting_after(tidy):
        yield received
