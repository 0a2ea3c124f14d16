"""Runs a whole sweep, from the command line to the last line of output."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from signal import Signals
from typing import Any

from rich.console import Console

from besom.app.redaction import redacted_logs
from besom.common.errors import StoreError, StudyError, UserError, one_line
from besom.common.files import make_writable
from besom.common.locks import one_at_a_time, only_supervisor
from besom.common.terminal.sentences import print_sentences
from besom.common.terminal.time_left import TimeLeft
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler
from besom.search.options import AUTO
from besom.search.stopping.rules import holding_rule
from besom.search.storage.database import (
    existing_study,
    has_finished_trial,
    in_use,
    lock_of,
    open_confirmations,
    open_study,
    storage_of,
)
from besom.search.storage.server import ConnectionLost
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.search.warm_start.imported_trials import bring_in, imported
from besom.sweep.callbacks.queue import CallbackQueue
from besom.sweep.callbacks.tell import end_of_study, start_of
from besom.sweep.confirmation.run import ConfirmationResult, confirm
from besom.sweep.confirmation.seeds import direction_of, n_trainings
from besom.sweep.dry_run import show_dry_run
from besom.sweep.identity.composed_values import hold_to_composed
from besom.sweep.identity.fingerprint import (
    fingerprint,
    hold_to,
    hold_to_baseline,
    leave_out,
    places_of,
    refuse_another,
    sentences,
)
from besom.sweep.jobs import Sweep
from besom.sweep.opening import print_data, print_so_far
from besom.sweep.parent_run import close_parent_run, log_what_counts, open_parent_run
from besom.sweep.plan import Plan, pool_of
from besom.sweep.progress import Tally, make_progress
from besom.sweep.recovery.earlier_numbers import keep_earlier_numbers
from besom.sweep.recovery.missing_said import say_missing_runs
from besom.sweep.recovery.recovery import (
    close_former,
    close_orphaned_runs,
    recover,
    take_earlier_confirmations,
)
from besom.sweep.result_files import write_configuration, write_results
from besom.sweep.retention.models import KeptModels
from besom.sweep.steering.interrupts import interruptible
from besom.sweep.steering.n_trials import with_set_n_trials
from besom.sweep.steering.state import SupervisorState, begin_state
from besom.sweep.steering.steering import Steering
from besom.sweep.steering.timeouts import Timeouts
from besom.sweep.summary import print_summary
from besom.sweep.supervisor import Supervisor
from besom.sweep.trials import TrialJobs
from besom.tracking.address import check_address, own_address
from besom.tracking.pages.views import address
from besom.tracking.record import Record, connect
from besom.tracking.schema import RunStatus
from besom.workers import disk_space
from besom.workers.pool import Pool
from besom.workers.signals import ending_after


def run_sweep(plan: Plan) -> Any:
    """Open the stores, run the sweep, and print its results.

    Returns:
        The best value, or the list of values of the Pareto front, or None: for programs that call
        a Hydra application's ``main`` from Python.

    Raises:
        UserError: something that the user asked for cannot work; nothing has been started.
        SweepFailed: too many trials failed.
        SystemExit: the sweep was interrupted; the code is 130 or 143, as in shells.
    """
    options = plan.options
    _check_data(plan)
    if options.confirm.only and not has_finished_trial(options.study_name, storage_of(options)):
        raise StudyError(f"study {options.study_name} has no finished trial to confirm")
    console = Console(emoji=False)  # Rich would import its emoji table with the first line
    if options.dry_run:
        show_dry_run(_sized(plan), storage_of(options), console)
        return None
    print_data(plan.hooks.describe(plan.baseline), console)
    check_address(options.tracking_uri or own_address(Path(options.root)))
    with redacted_logs(), _pool(plan) as pool:
        if options.n_jobs == AUTO:  # of a cluster that may grow
            plan = _with_room_of(pool, plan)
        return _run(plan, pool, console)


def _run(plan: Plan, pool: Pool, console: Console) -> Any:
    options, root = plan.options, Path(plan.options.root)
    make_writable(root, "hydra.sweeper.root")
    with (
        disk_space.needed(root),
        only_supervisor(*lock_of(options)),
        in_use(storage_of(options)),
        ExitStack() as opened,
    ):
        with ending_after():
            state = begin_state(plan)
            study = _open(plan, opened)
            plan = with_set_n_trials(plan, study)
            print_so_far(study.rows(), plan.options.n_trials, plan.options.confirm.only, console)
            _start_workers(plan, study, pool)
            callbacks = CallbackQueue(plan.callbacks)
            opened.callback(callbacks.close)
            record = opened.enter_context(connect(root, options.tracking_uri, options.experiment))
        write_configuration(plan)
        answer, interrupted_by = _sweep(plan, study, record, pool, callbacks, state, console)
        # Printed before the record is closed, so that it is shown even if a store fails then.
        found = [*filter(None, (answer.verdict, answer.champion))]
        print_summary(plan, study, found, console, address(record.experiment_id, study.name))
        write_results(plan, study)
    if interrupted_by is not None:
        raise SystemExit(128 + interrupted_by)
    best = [row.values for row in study.best()]
    if plan.objective.single:
        return best[0][0] if best else None
    return best


def _check_data(plan: Plan) -> None:
    """Check the configurations against the data. If that fails, and the study of this name is about
    other data, report that instead."""
    try:
        for config in plan.to_check:
            plan.hooks.check_data(config)
        if plan.baseline_params is not None:
            plan.hooks.check_baseline(plan.baseline)
    except UserError:
        if study := existing_study(plan.options.study_name, storage_of(plan.options)):
            with closing(study):
                refuse_another(study, fingerprint(plan), places_of(plan))
        raise


def _open(plan: Plan, opened: ExitStack) -> Study:
    """Open the study, new or old, and check that it is about the same; ``opened`` closes it."""
    options = plan.options
    pruner = make_pruner(options.pruner)
    with one_at_a_time(lock_of(options)[0]):
        study = open_study(options.study_name, storage_of(options), plan.objective.directions)
    opened.callback(study.close)
    hold_to(study, fingerprint(plan), places_of(plan))
    hold_to_baseline(study, plan.outside)
    if not plan.options.confirm.only:
        bring_in(study, plan.warm_start)
    study.constrain(plan.constraints)
    hold_to_composed(plan, study)
    leave_out(plan, study)
    dimensions, n_existing = plan.space.dimensions, len(study.rows())
    study.use(make_sampler(options.sampler, dimensions, n_existing, imported(study)), pruner)
    return study


def _open_confirmations(plan: Plan, study: Study) -> Study:
    options = plan.options.confirm
    direction = direction_of(options, plan.objective)
    confirmations = open_confirmations(study, direction if options.top_k else None)
    take_earlier_confirmations(study, confirmations)
    return confirmations


@contextmanager
def _pool(plan: Plan) -> Iterator[Pool]:
    """Connect the pool, before anything is written; end its workers however the block ends."""
    pool = pool_of(plan, plan.application, plan.log_folder)
    try:
        with ending_after():
            pool.connect()
        yield pool
    finally:
        pool.stop()


def _sized(plan: Plan) -> Plan:
    """Return the plan with as many workers as a cluster has room for, if ``n_jobs`` is auto."""
    if plan.options.n_jobs != AUTO:
        return plan
    with _pool(plan) as pool:
        return _with_room_of(pool, plan)


def _with_room_of(pool: Pool, plan: Plan) -> Plan:
    return replace(plan, options=replace(plan.options, n_jobs=pool.room()), is_elastic=True)


def _start_workers(plan: Plan, study: Study, pool: Pool) -> None:
    """Start workers for the remaining trials early: they and MLflow take seconds to import."""
    if holding_rule(plan.options.stop, study, plan.space.distributions.keys()):
        return
    rows = study.rows()
    fresh = 0 if study.exhausted else max(0, plan.options.n_trials - len(rows))
    n_open = fresh + sum(row.state == "running" for row in rows)
    for worker in range(min(plan.options.n_jobs, n_open)):
        pool.start(worker)


def _sweep(
    plan: Plan,
    study: Study,
    record: Record,
    pool: Pool,
    callbacks: CallbackQueue,
    state: SupervisorState,
    console: Console,
) -> tuple[ConfirmationResult, int | None]:
    """Run what remains of the study; return the result, and the signal that ended it, if any."""
    with ending_after():
        confirmations = _open_confirmations(plan, study)
        parent_run = open_parent_run(plan, study, record)
        sweep = Sweep(plan, study, confirmations, record, parent_run, callbacks=callbacks)
        unfinished = _recover(sweep)
        say_missing_runs(sweep, console)
    print_sentences((*sentences(plan, study), *plan.remarks), console)
    callbacks.put(start_of(sweep))
    timeouts = Timeouts(plan.options.trial_timeout, plan.options.hang_timeout)
    steering = Steering(sweep, state)
    supervisor = Supervisor(record, pool, plan.n_jobs, plan.hooks.places, timeouts, steering.look)
    # These hold unless they are set otherwise below:
    status, answer, is_ours, ended_by = RunStatus.FAILED, ConfirmationResult(), True, ""
    try:
        with interruptible(supervisor, pool, console) as received:
            if not plan.options.confirm.only:
                ended_by = _run_trials(sweep, supervisor, unfinished, console)
            answer = confirm(sweep, supervisor, console)
        status = RunStatus.KILLED if received else RunStatus.FINISHED
        ended_by = Signals(received[0]).name if received else supervisor.stopped_by or ended_by
        with suppress(StoreError):  # MLflow is away: the next start does it
            close_orphaned_runs(sweep.studies, record, sweep.parent_run)
    except ConnectionLost:
        # Another supervisor may have the study by now, and with it the sweep's own run.
        is_ours = False
        raise
    except Exception as error:
        ended_by = one_line(error)
        raise
    finally:
        raised, verdict = sys.exception(), answer.verdict
        with ExitStack() as ending:  # the last one first; each runs even if another raises
            ending.callback(lambda: callbacks.put(end_of_study(sweep, status, verdict, raised)))
            if is_ours:
                ending.callback(close_parent_run, sweep, status, verdict, ended_by)
            ending.callback(steering.close)
            ending.callback(supervisor.abandon)
            ending.callback(pool.stop)
    return answer, received[0] if received else None


def _recover(sweep: Sweep) -> list[TrialRow]:
    """Complete what an earlier process has left, and return the trials to be tried again."""
    plan, study, record = sweep.plan, sweep.study, sweep.record
    close_former(study, record)
    unfinished = recover(sweep.studies, record, sweep.parent_run)
    leave_out(plan, study)  # also trials that recovery has just ended
    keep_earlier_numbers(plan, study)
    study.constrain(plan.constraints)
    log_what_counts(plan, record, sweep.parent_run)
    return unfinished


def _run_trials(
    sweep: Sweep, supervisor: Supervisor, unfinished: list[TrialRow], console: Console
) -> str:
    """Run the remaining trials; return why no more are started."""
    tally = _tally(sweep.plan, sweep.study.rows())
    with make_progress(console, tally) as progress:
        models = KeptModels(sweep)
        models.settle()
        trials = TrialJobs(sweep, tally, progress, unfinished, models)
        supervisor.run(trials, progress)
        models.settle()
    return trials.ended_by()


def _tally(plan: Plan, rows: Sequence[TrialRow]) -> Tally:
    options, n_confirmations = plan.options, n_trainings(plan.options.confirm)
    time_left = TimeLeft(options.n_jobs, may_prune=options.pruner.name != "none")
    return Tally(options.n_trials, plan.objective, rows, time_left, n_confirmations)
