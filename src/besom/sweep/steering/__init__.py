"""Ends or changes a running sweep: Ctrl-C, requests of other terminals, time limits, failures.

This room knows the supervisor and its jobs. It must not know how a sweep is begun, nor how trials
are proposed.
"""
