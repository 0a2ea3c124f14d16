"""A module whose state the application ``crowded`` sets."""

import os
from typing import Any

BOOKS: dict[str, Any] = {}
OPEN = False
PID = os.getpid()
