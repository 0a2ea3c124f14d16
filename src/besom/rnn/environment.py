"""Settings that TensorFlow reads once, when it is imported. Call :func:`prepare` before that."""

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from besom.rnn.cache_folder import cache_folder

KEPT_PROGRAMS = 500
"""A program takes about 1 MB on disk, and each new shape makes two."""

SILENT = "3"
"""Errors reach Python as exceptions; what TensorFlow logs as errors beside them is noise, such as a
line of 3,000 characters for each program out of the cache."""


def prepare() -> None:
    """Import TensorFlow: quietly, and with a cache of compiled programs on disk.

    Variables that the user has set are left alone.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", SILENT)
    if "TF_XLA_FLAGS" not in os.environ:
        os.environ["TF_XLA_FLAGS"] = " ".join(_program_cache_flags())
    with _standard_error_shut():
        import tensorflow as tf

        tf.config.list_physical_devices()


def forget_programs() -> None:
    """Empty the cache of compiled programs."""
    for program in _program_folder().glob("*"):
        program.unlink(missing_ok=True)


def threads() -> int:
    """How many threads one operation may use."""
    limit = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    return limit or _cores()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _program_cache_flags() -> list[str]:
    folder = _program_folder()
    folder.mkdir(parents=True, exist_ok=True)
    newest_first = sorted(folder.iterdir(), key=_changed, reverse=True)
    for program in newest_first[KEPT_PROGRAMS:]:
        program.unlink(missing_ok=True)
    return [
        f"--tf_xla_persistent_cache_directory={folder}",
        "--tf_xla_persistent_cache_device_types=CPU",
    ]


def _program_folder() -> Path:
    return cache_folder() / "xla" / f"tensorflow-{version('tensorflow')}-{_processor()}"


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process was faster
        return 0.0


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
