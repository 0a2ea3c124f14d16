"""Settings that TensorFlow reads once, when it starts. Call :func:`prepare` before that."""

import hashlib
import logging
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

from besom.common.interpreter import cores, importing
from besom.rnn.cache_folder import cache_folder
from besom.rnn.engines.program_cache import ProgramCache

log = logging.getLogger(__name__)

SILENT = "3"
"""Errors reach Python as exceptions; what TensorFlow logs as errors beside them is noise, such as a
line of 3,000 characters for each program out of the cache."""


@cache
def prepare() -> None:
    """Import TensorFlow: quietly, and with XLA's cache of compiled programs on disk.

    Variables that the user has set are left alone. TensorFlow may have been imported before, as
    long as it has computed nothing: it reads XLA's flags with its first look at the devices.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", SILENT)
    programs = program_cache()
    with _standard_error_shut(), _xla_flags(programs), importing("tensorflow"):
        import tensorflow as tf

        tf.config.list_physical_devices()


@cache
def program_cache() -> ProgramCache | None:
    """Where this process keeps compiled programs; None where it cannot, or the user sets flags."""
    if "TF_XLA_FLAGS" in os.environ:
        return None
    try:
        return ProgramCache(cache_folder() / "programs", numerics())
    except OSError as error:
        log.warning("compiled programs are not kept: %s", error)
        return None


def threads() -> int:
    """How many threads one operation may use."""
    limit = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    return limit or cores()


@contextmanager
def _xla_flags(programs: ProgramCache | None) -> Iterator[None]:
    """XLA reads its flags once; a child process may have other threads, and so another prefix."""
    if programs is None:
        yield
        return
    os.environ["TF_XLA_FLAGS"] = programs.flags
    try:
        yield
    finally:
        del os.environ["TF_XLA_FLAGS"]


def numerics() -> str:
    """What the last bits of a training depend on beside its configuration, and machine code too.

    Threads are among it: XLA splits its loops among as many as it has when it compiles.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    return f"tensorflow {version('tensorflow')}, {_processor()}, {threads()} threads, {flags}"


def _processor() -> str:
    """Names the instruction set: the programs are machine code, and a home may be shared."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = [platform.processor()]
    features = sorted({line for line in lines if line.startswith(("flags", "Features"))}) or lines
    return hashlib.sha256("".join([platform.machine(), *features]).encode()).hexdigest()[:12]


@contextmanager
def _standard_error_shut() -> Iterator[None]:
    """TensorFlow writes lines to descriptor 2 when it starts, before it reads any log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
