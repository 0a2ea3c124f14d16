"""Trials of other studies, from which the samplers of a study learn before it has any of its own.

It reads databases of Optuna's, and writes to none but the study's own. It must not know of jobs,
nor of MLflow.
"""
