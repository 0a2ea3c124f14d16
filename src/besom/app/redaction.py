"""Keeps passwords out of what Hydra and Python's logging write of their own accord.

Hydra writes a job's configuration to files just before it calls the task, and offers no callback
in between. So the task, or its caller, masks these files first.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from besom.common.addresses import mask
from besom.common.files import replace_text


def mask_job_files() -> None:
    """Hide the passwords in the files that Hydra has written for this job; call it inside the job.

    Hydra writes ``${oc.env:NAME}`` unresolved, so such an address needs no masking.
    """
    job = HydraConfig.get()
    written: list[Path] = []
    if job.output_subdir is not None:
        written += Path(job.runtime.output_dir, job.output_subdir).glob("*.yaml")
    if job.mode == RunMode.MULTIRUN:
        written += Path(job.runtime.cwd, job.sweep.dir).glob("multirun.yaml")
    for path in written:
        _mask_file(path)


def _mask_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if (masked := mask(text)) != text:
        replace_text(path, masked)


@contextmanager
def redacted_logs() -> Iterator[None]:
    """Hide passwords in whatever this process logs inside the block."""
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(partial(_masked, before))
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)


class RedactedStream:
    """A stream that hides the passwords of addresses."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(mask(text))
        return len(text)

    def close(self) -> None:
        """Do nothing: the stream is borrowed, and TensorFlow's logging closes its stderr."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _masked(make: Any, *arguments: Any, **named: Any) -> logging.LogRecord:
    record: logging.LogRecord = make(*arguments, **named)
    with suppress(Exception):  # logging itself reports arguments that do not fit
        text = record.getMessage()
        if (masked := mask(text)) != text:
            record.msg, record.args = masked, None
    if record.exc_info:
        text = logging.Formatter().formatException(record.exc_info)
        if (masked := mask(text)) != text:
            record.exc_text = masked
    return record
