"""Fixtures of the record, shared with the tests of commands."""

from tests.tracking.conftest import record

__all__ = ["record"]
