"""The sweep: the one room that drives the search, the workers and the record together.

The supervisor's loop asks a source of jobs (:mod:`besom.sweep.jobs`), hands them to workers, and
writes down what they answer. It must not know Keras, nor what a task does.
"""
