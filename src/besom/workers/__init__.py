"""What runs trials: pools of workers, the messages they exchange, what each gets of the machine.

A worker knows the application (:mod:`besom.app`) and a task's session. It must not know Optuna,
the record, or why a trial is run; of MLflow it knows what a task may leave behind in the process.
"""
