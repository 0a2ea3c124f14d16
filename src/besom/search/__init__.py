"""The search: the space, the study, the samplers and the pruners.

Only this room and ``cli/dashboard.py`` import Optuna. It must not know of processes, of MLflow, or
of how a trial is run.
"""
