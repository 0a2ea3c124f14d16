"""``besom clean``: finds and deletes what a study does not need any more, to free disk space.

It knows the record and the folders of the jobs. It must not know how trials are run.
"""
