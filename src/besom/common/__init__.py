"""Provides what all rooms share: errors, addresses, files, locks, and text to be shown.

It knows nothing of Besom's other rooms. Of other libraries it uses SQLite, OmegaConf and, in
``terminal``, Rich.
"""
