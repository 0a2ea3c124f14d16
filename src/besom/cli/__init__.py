"""Implements the ``besom`` command, which takes words and returns an exit code.

Each command imports what it needs from the other rooms only when it is given: ``besom --help``
loads no Hydra. This room imports neither MLflow nor Keras itself.
"""
