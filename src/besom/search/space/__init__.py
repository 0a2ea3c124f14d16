"""The search space: Hydra's overrides as distributions, and the baseline as a point of it."""
