"""The sweep's parent run: created or resumed, tagged, and closed."""

import json
import shlex
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from besom.app.hooks import as_typed
from besom.app.job import JobRunner
from besom.common.addresses import mask
from besom.common.flatten import to_yaml
from besom.search.storage.server import ConnectionLost
from besom.search.study import Study
from besom.sweep.jobs import Sweep
from besom.sweep.plan import Plan
from besom.sweep.summary import note
from besom.tracking import schema
from besom.tracking.pages.views import StudyView, address
from besom.tracking.record import Record
from besom.tracking.schema import RunStatus


def open_parent_run(plan: Plan, study: Study, record: Record) -> str:
    """Create the sweep's own run, or reopen that of a resumed sweep; return its id."""
    run_id: str | None = study.recall("run_id")
    if run_id is not None:
        record.reopen(run_id)
        if not plan.options.confirm.only:
            _keep_options(plan, record, run_id)
            _tell_end(study, record, run_id, "")  # until it ends again
        return run_id
    # The id is kept last: if this is cut short, the next start finds the run by the study's key,
    # and writes all of this again.
    key = study.recall("key") or uuid.uuid4().hex
    study.remember("key", key)
    tags = {schema.STUDY: study.name, schema.ROLE: schema.Role.SWEEP, schema.SWEEP: key}
    run_id = record.resume_run(study.name, tags)
    study.remember("command", typed_command())
    searched = schema.space_params({d.key: d.text for d in plan.space.dimensions})
    directions = ", ".join(plan.objective.directions)
    recorded = ", ".join(map(schema.valid_name, plan.objective.names)) or plan.objective.label
    facts = {"objective": recorded, "direction": directions}
    record.params(run_id, searched | facts)
    record.log(run_id, schema.parameter_names_tag(plan.space.distributions))
    _keep_options(plan, record, run_id)
    record.text(run_id, schema.CONFIG_FILE, to_yaml(plan.baseline))
    record.text(run_id, schema.COMMAND_FILE, json.dumps(command_parts(plan.application), indent=2))
    _view(plan, study, record, run_id, ())
    study.remember("run_id", run_id)
    return run_id


def _keep_options(plan: Plan, record: Record, run_id: str) -> None:
    """Keep the sweeper's options of this command, some of which a resumed sweep may change."""
    sweeper = OmegaConf.to_yaml(plan.application.master.hydra.sweeper, resolve=True)
    record.text(run_id, schema.SWEEPER_FILE, sweeper)


def log_what_counts(plan: Plan, record: Record, run_id: str) -> None:
    """Record with the sweep's own run which trials count today, and which may be the best."""
    code = {schema.COUNTED_CODE: plan.counted.text}
    record.log(run_id, code | {schema.CONSTRAINTS: json.dumps(plan.constraints.texts)})


def close_parent_run(sweep: Sweep, status: RunStatus, verdict: str, ended_by: str) -> None:
    """Close the sweep's own run, with the summary as its note.

    Nothing is done if the connection to the study's database is lost.

    Args:
        ended_by: what has ended the trials; empty if none were to be run.
    """
    plan, study, record, run_id = sweep.plan, sweep.study, sweep.record, sweep.parent_run
    with suppress(ConnectionLost):
        if sweep.metrics:
            _view(plan, study, record, run_id, sweep.metrics)
        record.log(run_id, _facts(study))
        if ended_by:
            _tell_end(study, record, run_id, ended_by)
        pages = address(record.experiment_id, study.name)
        record.note(run_id, note(plan, study, verdict, pages))
        record.prepare_end(run_id, status, {schema.STATE: status.lower()}, {})
        record.end_run(run_id)


def _tell_end(study: Study, record: Record, run_id: str, ended_by: str) -> None:
    study.remember("ended_by", ended_by)
    record.log(run_id, {schema.ENDED_BY: ended_by})


def _view(plan: Plan, study: Study, record: Record, run_id: str, metrics: Iterable[str]) -> None:
    """Have MLflow's pages show the trials, with these metrics beside the objectives."""
    view = StudyView.of(
        study.name,
        study.objective_names,
        study.directions,
        [dimension.key for dimension in plan.space.dimensions],
        metrics,
        plan.constraints.each,
    )
    record.view(run_id, view.tags(at=time.time_ns() // 1_000_000))


def _facts(study: Study) -> dict[str, float]:
    """Return numbers that rank sweeps: trials by state, and best and baseline values that count."""
    rows = study.rows()
    states = Counter(row.state for row in rows)
    facts: dict[str, float] = {
        f"trials_{state}": states[state] for state in ("complete", "pruned", "failed")
    }
    if len(study.directions) > 1:
        return facts
    baseline = [row for row in rows if row.is_baseline and row.state == "complete"]
    for name, found in (("best_value", study.best()), ("baseline_value", baseline)):
        if found:
            facts[name] = found[0].values[0]
    return facts


def typed_command(words: Sequence[str] | None = None) -> str:
    """Return ``besom sweep quickstart --trials 40``, or ``python app.py -m …``, without passwords.

    The command is empty if it could not be typed again, for example in a notebook.

    Args:
        words: the interpreter and its arguments; those of this process if None.
    """
    python, *rest = sys.orig_argv if words is None else words
    if not rest or rest[0] == "-c" or "ipykernel_launcher" in rest:
        return ""
    is_besom = Path(rest[0]).name == "besom"
    shown = ["besom", *rest[1:]] if is_besom else [Path(python).name, *rest]
    return mask(shlex.join(shown))


def command_parts(application: JobRunner) -> dict[str, Any]:
    """Return the task, the primary configuration's name, and all overrides as they were given."""
    hydra = application.master.hydra
    task = application.task
    return {
        "task": f"{task.__module__}.{getattr(task, '__qualname__', type(task).__qualname__)}",
        "config_name": hydra.job.config_name,
        "overrides": [*as_typed(hydra.overrides.task), *as_typed(hydra.overrides.hydra)],
    }


def name_objective(sweep: Sweep, returned: Mapping[str, float]) -> None:
    """Keep the name under which the task returned an objective that has no configured name.

    Its runs may have other metrics too; readers could not tell the objective from them.
    """
    is_known = sweep.plan.objective.names or sweep.study.recall("objective")
    if is_known or len(returned) > 1:
        return
    (name,) = returned
    if name != "objective":
        sweep.record.log(sweep.parent_run, {schema.OBJECTIVE: schema.valid_name(name)})
        sweep.study.remember("objective", schema.valid_name(name))
