"""The Hydra application: the workload, tracked. ``python -m besom.rnn`` and ``besom train``.

This is the one place where the workload meets its record; :mod:`besom.rnn.train` knows no MLflow,
:mod:`besom.tracking` no Keras.
"""

import sys
from collections.abc import Sequence

from besom.app import run
from besom.app.config_paths import conf_folder
from besom.rnn import config
from besom.rnn.train import train
from besom.tracking.decorator import collected, tracked

task = tracked(train)
"""Picklable: a sweep ships it to its workers, where TensorFlow is imported when it first runs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line as Hydra takes it (``sys.argv`` where none is given).

    Returns:
        The exit code, as :mod:`besom.app.run` explains.
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
    # Under its own name, so that a pickled task can be found again by a worker.
    from besom.rnn.__main__ import main as named_main

    sys.exit(named_main())
