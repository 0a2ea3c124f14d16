"""The ground: errors, addresses, files, locks, and text that people read.

It knows nothing of Besom's other rooms, and no vendor but SQLite.
"""
