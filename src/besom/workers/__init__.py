"""Runs trials: pools of workers, their messages, and the resources that each worker gets.

A worker knows the application (:mod:`besom.app`) and a task's session. It must not know Optuna,
the record, or why a trial is run. Of MLflow it knows only the state that a task may leave behind in
the process.
"""
