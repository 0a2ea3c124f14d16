"""What tests of the command share with those of the record."""

from tests.tracking.conftest import record

__all__ = ["record"]
