"""Reads the file that a supervisor writes each second (state.py); loads nothing heavy, for a shell
that completes words."""

import json
from pathlib import Path
from typing import Any

STATE_FILE = "supervisor.json"


def read_state(folder: Path) -> dict[str, Any]:
    """What the last supervisor has left; empty where there was none, or one of an earlier Besom."""
    try:
        found = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def running_trials(folder: Path) -> list[int]:
    """The trials that run."""
    state = read_state(folder)
    is_over = state.get("phase") != "trials"
    return [] if is_over else sorted(job["trial"] for job in state["workers"].values())


def searched_keys(folder: Path) -> list[str]:
    """What the study searches."""
    return list(read_state(folder).get("keys", ()))
