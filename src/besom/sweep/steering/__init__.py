"""Steering a sweep that runs: by signals, and by requests of other terminals.

It knows the supervisor and its jobs; it must not know the loop of a sweep, which calls it.
"""
