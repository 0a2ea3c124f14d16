"""Compares, at each start, what must not change within a study; says when two trials are equal.

It knows the plan, the study, and what a worker says of a composed configuration. It must not know
pools or the record, nor decide what is run.
"""
