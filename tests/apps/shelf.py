"""A module of the application ``crowded`` that others fill."""

from typing import Any

BOOKS: dict[str, Any] = {}
