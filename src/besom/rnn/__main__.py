"""Runs the workload as a tracked Hydra application: ``python -m besom.rnn`` and ``besom train``.

Only this module connects the workload with the record: :mod:`besom.rnn.train` does not know MLflow,
and :mod:`besom.tracking` does not know Keras.
"""

import sys
from collections.abc import Sequence

from besom.app import run
from besom.app.config_paths import conf_folder
from besom.rnn import config
from besom.rnn.train import train
from besom.tracking.decorator import collected, tracked

task = tracked(train)
"""The task. It is picklable: a sweep sends it to its workers, which import TensorFlow when it first
runs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line of Hydra's form (``sys.argv`` where none is given).

    Returns:
        The exit code: see :mod:`besom.app.run`.
    """
    config.register()
    application = run.HydraApp(task, conf_folder(), "train")
    with collected() as runs:
        code = run.run(application, sys.argv[1:] if arguments is None else arguments)
    if len(runs) > 1:
        from besom.results.multirun_table import print_jobs

        print_jobs(runs)
    return code


if __name__ == "__main__":
    # Imported under its own name, so that a worker finds the module of a pickled task.
    from besom.rnn.__main__ import main as named_main

    sys.exit(named_main())
