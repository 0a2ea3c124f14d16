"""What is searched, and what is proposed next; the only room that imports Optuna, but for
``cli/dashboard.py``.

It must not know of processes, of MLflow, or of how a trial is run.
"""
