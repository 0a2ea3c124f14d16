"""The search space: Hydra's overrides as distributions, and the baseline as a point of it.

It knows Hydra's grammar and the application's configuration. It must not know of any study.
"""
