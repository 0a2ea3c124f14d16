"""What is searched, and what is proposed next; the only room that knows Optuna.

It must not know of processes, of MLflow, or of how a trial is run.
"""
