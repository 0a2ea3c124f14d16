"""A module of the application ``crowded`` that others fill."""

import os
from typing import Any

BOOKS: dict[str, Any] = {}
OPEN = False
PID = os.getpid()
