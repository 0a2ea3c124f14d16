"""What is on its way to MLflow: a log on disk for each run, and the thread that sends it.

An entry (``entries``) goes into the run's ``log``, by way of the ``outbox`` to the ``sender``, and
there into a ``delivery``; ``deferred_runs`` creates the runs.

It knows MLflow's client. It must not know of trials, studies or tasks.
"""
