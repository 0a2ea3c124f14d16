"""The search space: Hydra's overrides as distributions, and the baseline as one of its points.

It knows Hydra's grammar and the application's configuration. It must not know of any study.
"""
