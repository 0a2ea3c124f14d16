"""The pool of workers that a sweep's options ask for."""

from pathlib import Path

from besom.app.job import JobRunner
from besom.search.options import AUTO
from besom.sweep.plan import Plan
from besom.workers.pool import Pool, make_pool
from besom.workers.ray.protocol import RaySettings


def pool_of(plan: Plan, application: JobRunner, log_folder: Path) -> Pool:
    """None of its workers is started.

    Args:
        log_folder: for what they print.
    """
    options = plan.options
    shared = options.ray.shared_folder
    settings = RaySettings(
        address=options.ray.address,
        shared_folder=Path(shared).absolute() if shared else None,
        runtime_env=options.ray.runtime_env,
    )
    size = None if options.n_jobs == AUTO else options.n_jobs
    return make_pool(
        application,
        size,
        log_folder,
        "ray" if options.pool == "ray" else "local",
        plan.resources,
        settings,
    )
