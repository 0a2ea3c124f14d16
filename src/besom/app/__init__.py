"""Runs and checks a Hydra application, and describes its task, code and configuration.

It knows Hydra and :mod:`besom.common`, and of sweeps the command that starts one. It must not know
whether a run is recorded, in MLflow or elsewhere, nor how a sweep works.
"""
