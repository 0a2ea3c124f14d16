"""Steering a sweep that runs: by signals, and by requests of other terminals.

It knows the supervisor and its jobs, which it changes when they ask it to; it must not know how a
sweep is begun and ended.
"""
