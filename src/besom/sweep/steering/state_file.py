"""Reads the progress file that a supervisor writes each second (state.py).

Loads nothing heavy, since shell completion uses it.
"""

import json
from pathlib import Path
from typing import Any

STATE_FILE = "supervisor.json"


def read_state(folder: Path) -> dict[str, Any]:
    """Return the progress file of the last supervisor; empty if it wrote none that is readable."""
    try:
        found = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def running_trials(folder: Path) -> list[int]:
    """Return the numbers of the running trials."""
    state = read_state(folder)
    is_over = state.get("phase") != "trials"
    return [] if is_over else sorted(job["trial"] for job in state["workers"].values())


def searched_keys(folder: Path) -> list[str]:
    """Return the keys that the study searches."""
    return list(read_state(folder).get("keys", ()))
