"""Runs and checks a Hydra application, and describes its task, code and configuration.

This room knows Hydra and :mod:`besom.common`; of sweeps it knows only the command that starts one.
It must not know whether a run is recorded, in MLflow or elsewhere, nor how a sweep works.
"""
