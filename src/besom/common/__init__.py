"""The ground: errors, addresses, files, locks, and text to be shown.

It knows nothing of Besom's other rooms, and no vendor but SQLite.
"""
