"""Checks and applies changes to a running sweep; refuses bad ones before anything is written."""

from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from besom.app.error_messages import config_error
from besom.app.job import hydra_config_put_back
from besom.common.errors import SpaceError, StudyError, UserError
from besom.common.flatten import short_text
from besom.common.terminal.commands import besom_command, record_flags
from besom.common.text import listed_numbers
from besom.search.space.baseline import Base
from besom.search.space.folders import check_folders
from besom.search.space.point import Point, read_point
from besom.sweep.jobs import JobSource
from besom.sweep.plan import Plan
from besom.sweep.steering.requests import Request
from besom.sweep.supervisor import Supervisor
from besom.sweep.trials import TrialJobs
from besom.workers.resources import check_room


def stop_trial(jobs: JobSource, supervisor: Supervisor, request: Request) -> str:
    """Have a running trial pruned at its next report, even if it still waits to be tried again.

    Raises:
        StudyError: there is no such trial, or it has ended.
    """
    study, number = jobs.sweep.study, request.arguments["trial"]
    rows = {row.number: row for row in study.rows()}
    if number not in rows:
        there = f"it has {listed_numbers(rows)}" if rows else "it has none yet"
        raise StudyError(f"study {study.name} has no trial {number}; {there}")
    if rows[number].state != "running":
        raise StudyError(f"trial {number} of {study.name} has ended: it is {rows[number].state}")
    study.note(number, stopped=True)
    for job in supervisor.jobs.values():
        job.is_stopped = job.is_stopped or job.number == number
    return f"trial {number} is pruned at its next report"


def enqueue(jobs: JobSource, supervisor: Supervisor, request: Request) -> str:
    """Have a point tried before the sampler is asked again, as one of the trials to come.

    Raises:
        SpaceError: the point lies outside the space.
        StudyError: no more trials are to come.
    """
    study, plan = jobs.sweep.study, jobs.sweep.plan
    point = _point(plan, study.name, request.arguments["words"])
    trials = _open_trials(jobs)
    n_trials = plan.options.n_trials
    if trials.n_fresh <= study.n_waiting:
        flags = record_flags(plan.options.root, None)
        more = besom_command("set", study.name, f"n_trials={n_trials + 1}", flags=flags)
        raise StudyError(
            f"each of the {n_trials} trials has begun or is reserved for an enqueued point; "
            f"allow more with: {more}"
        )
    (number,) = study.enqueue_once([point])
    state = next((row.state for row in study.rows() if row.number == number), "")
    done = f", which is {state} already" if state else ", before those of the sampler"
    return f"{short_text(point)} is trial {number}{done}"


def _open_trials(jobs: JobSource) -> TrialJobs:
    """Return the source of trials, as long as it may start some.

    Raises:
        StudyError: no more trials are started.
    """
    if not isinstance(jobs, TrialJobs):
        raise StudyError(
            f"the trials of {jobs.sweep.study.name} have ended and its confirmation runs; nothing "
            "was changed. Its own command takes another n_trials afterwards."
        )
    if jobs.is_closed:
        raise StudyError(f"no more trials are started ({jobs.ended_by()}); nothing was changed")
    return jobs


def _point(plan: Plan, study: str, words: list[str]) -> Point:
    given = _read(words)
    try:
        return read_point(given, plan.space, plan.suggest, said=study)
    except UserError:
        raise
    except Exception as error:  # the user's own custom_search_space must not end the sweep
        custom = plan.options.custom_search_space
        raise SpaceError(f"{custom} raises {type(error).__name__}: {error}") from error


def _read(words: list[str]) -> Mapping[str, Any]:
    """Read overrides such as ``model.units=64`` as keys and values."""
    try:
        overrides = OverridesParser.create().parse_overrides(words)
    except OverrideParseException as error:
        raise SpaceError(str(config_error(error))) from error
    point = {}
    for override in overrides:
        if override.is_sweep_override() or override.is_delete():
            raise SpaceError(f"`{override.input_line}` is no value to try; give KEY=VALUE")
        package = f"@{override.package}" if override.package else ""
        point[f"{override.key_or_group}{package}"] = override.value()
    return point


def set_numbers(jobs: JobSource, supervisor: Supervisor, request: Request) -> str:
    """Change the number of trials in all, of workers, or both.

    Raises:
        StudyError: nothing is searched, so there is one trial; or no more trials are started.
        ConfigError: there is no room for so many workers, or trials would share a folder.
    """
    n_trials, n_jobs = request.arguments.get("n_trials"), request.arguments.get("n_jobs")
    plan = jobs.sweep.plan
    if n_jobs is not None and not plan.is_elastic and plan.options.pool == "local":
        check_room(plan.resources, n_jobs)
    if n_jobs is not None and n_jobs > plan.options.n_jobs == 1:  # else it was checked before
        with hydra_config_put_back():
            words = plan.baseline_words
            base = Base(plan.base_params, words, plan.application.compose(words), ())
        check_folders(plan.application, plan.space, base)
    if n_trials is not None and not plan.space.dimensions and plan.suggest is None:
        raise StudyError("nothing is searched, so there is one trial")
    said = [] if n_trials is None else [_set_n_trials(_open_trials(jobs), n_trials)]
    if n_jobs is not None:
        said.append(_set_n_jobs(jobs, supervisor, n_jobs))
    return "; ".join(said)


def _set_n_trials(jobs: TrialJobs, asked: int) -> str:
    n_begun = jobs.n_begun
    n_trials = max(asked, n_begun)
    jobs.set_n_trials(n_trials)
    if asked < n_begun:
        return f"n_trials={n_trials}: so many have begun, and no more are started"
    n_open = n_trials - n_begun
    open_ = f"{n_open} {'is' if n_open == 1 else 'are'} still to be started"
    return f"n_trials={n_trials}: {open_ if n_open else 'no more are started'}"


def _set_n_jobs(jobs: JobSource, supervisor: Supervisor, n_jobs: int) -> str:
    """Change the number of workers of this supervisor only: a resume may be on another machine."""
    before, options = supervisor.n_jobs, jobs.sweep.plan.options
    supervisor.set_n_jobs(n_jobs)
    options.n_jobs = jobs.count.time_left.n_workers = n_jobs
    said = f"n_jobs={n_jobs} until the sweep ends"
    if before is not None and n_jobs < before:
        return f"{said}: the others end when their trials do"
    if options.pool == "ray" and (room := supervisor.room) < n_jobs:
        return f"{said}: Ray has room for {room} of them now"
    return said
