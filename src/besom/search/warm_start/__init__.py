"""Imports trials of other studies, so that a study's sampler learns before its own first trial.

It reads Optuna's databases, and writes only to that of the study itself. It must not know of jobs,
nor of MLflow.
"""
