"""The ground: errors, addresses, files, locks, and text to be shown.

It knows nothing of Besom's other rooms, and of vendors SQLite, OmegaConf's configurations and, in
``terminal``, Rich.
"""
