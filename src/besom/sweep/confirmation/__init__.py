"""Runs the confirmation: trains the best configurations and the baseline again on fresh seeds.

This room knows the sweep's jobs and its second study. run.py holds the steps; only statistics.py
judges. It must not know how trials are proposed, nor how readers of the record use the verdict.
"""
