"""``besom clean``: how much room a study takes that could be had, and how to have it.

It knows the record and the folders of the jobs. It must not know how trials are run.
"""
