"""Delivers entries to MLflow: through a log on disk for each run, and a thread that sends them.

The ``outbox`` writes an entry (``entries``) to its run's ``log`` and passes it to the ``sender``,
whose ``delivery`` sends it to MLflow; ``deferred_runs`` creates the runs.

This room knows MLflow's client. It must not know of trials, studies or tasks.
"""
