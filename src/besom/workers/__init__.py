"""The processes that run trials: a pool of them, what they are told and what they answer.

A worker knows the application (:mod:`besom.app`) and a task's session. It must not know Optuna,
the record, or why a trial is run.
"""
