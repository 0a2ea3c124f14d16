"""Runs a sweep: the only room that uses the search, the workers and the record together.

The supervisor's loop takes jobs from a source (:mod:`besom.sweep.jobs`), hands them to workers, and
records what the workers send. This room must not know Keras, nor what a task does.
"""
