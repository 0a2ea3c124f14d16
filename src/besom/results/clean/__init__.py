"""``besom clean``: how much disk space of a study can be freed, and how.

It knows the record and the folders of the jobs. It must not know how trials are run.
"""
