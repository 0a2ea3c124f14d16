"""Makes studies of thousands of trials in seconds, by copying the rows of a small study.

The trials that a sweep has written are copied in Optuna's and in MLflow's database, with new
numbers and different parameters. Use it for benchmarks only: it depends on the tables of the
installed versions.
"""

import random
import sqlite3
from pathlib import Path

TRIAL_TABLES = (
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_user_attributes",
    "trial_system_attributes",
)
RUN_TABLES = ("runs", "params", "metrics", "latest_metrics", "tags")
# Between 0 and 1; SQLite's own random() is any integer of 64 bits.
UNIFORM = "abs(random() / 9223372036854775808.0)"


# The values of the original and of the copy, by column.
Copy = dict[str, tuple[object, object]]


def grow(root: Path, n_trials: int) -> None:
    """Copy the trials of the study below ``root`` until there are ``n_trials``."""
    with sqlite3.connect(root / "optuna.db") as optuna, sqlite3.connect(root / "mlflow.db") as runs:
        copies = _plan_copies(optuna, n_trials)
        _copy(optuna, "trials", copies)
        for table in TRIAL_TABLES:
            _copy(optuna, table, copies)
        _name_runs(optuna, copies)
        _scatter(optuna)
        for table in RUN_TABLES:
            _copy(runs, table, copies)


def _plan_copies(optuna: sqlite3.Connection, n_trials: int) -> list[Copy]:
    originals = optuna.execute(
        "SELECT trial_id, number, json_extract(value_json, '$') FROM trials "
        "JOIN trial_user_attributes USING (trial_id) WHERE key = 'besom.run_id' ORDER BY number"
    ).fetchall()
    last = optuna.execute("SELECT max(trial_id) FROM trials").fetchone()[0]
    copies = []
    for number in range(len(originals), n_trials):
        trial_id, old_number, run_id = originals[number % len(originals)]
        copies.append(
            {
                "trial_id": (trial_id, last + 1 + number - len(originals)),
                "number": (old_number, number),
                "run_uuid": (run_id, f"{random.getrandbits(128):032x}"),
            }
        )
    return copies


def _copy(database: sqlite3.Connection, table: str, copies: list[Copy]) -> None:
    """Add the rows of all copies to a table of trials or of runs."""
    described = database.execute(f"PRAGMA table_info({table})").fetchall()
    columns = [name for _, name, *_ in described]
    changed = [name for name in copies[0] if name in columns]
    # SQLite numbers rows whose only key is an integer.
    numbers = {name for _, name, kind, *_, is_key in described if is_key and kind == "INTEGER"}
    kept = [name for name in columns if name not in changed and name not in numbers]
    key = "trial_id" if "trial_id" in columns else "run_uuid"
    names = ", ".join([*changed, *kept])
    values = ", ".join(["?"] * len(changed) + kept)
    database.executemany(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {key} = ?",
        [(*(copy[name][1] for name in changed), copy[key][0]) for copy in copies],
    )


def _name_runs(optuna: sqlite3.Connection, copies: list[Copy]) -> None:
    optuna.executemany(
        "UPDATE trial_user_attributes SET value_json = json_quote(?) "
        "WHERE trial_id = ? AND key = 'besom.run_id'",
        [(copy["run_uuid"][1], copy["trial_id"][1]) for copy in copies],
    )


def _scatter(optuna: sqlite3.Connection) -> None:
    """Give each trial random parameters, since equal trials would count as repeats."""
    spans = optuna.execute(
        "SELECT param_name, min(param_value), max(param_value) FROM trial_params "
        "WHERE distribution_json LIKE '%FloatDistribution%' GROUP BY param_name"
    ).fetchall()
    optuna.executemany(
        f"UPDATE trial_params SET param_value = ? + ? * {UNIFORM} WHERE param_name = ?",
        [(low, high - low, name) for name, low, high in spans],
    )
