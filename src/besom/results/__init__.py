"""The commands that read the record: compare, confirm, reproduce, export, predict, report.

It knows the record, and the workload for commands that need ``besom train``. Only ``clean/``
deletes, and ``pages.py`` writes a study's view. It must not start a worker: ``confirm`` makes a
command for ``besom sweep``, and ``reproduce`` trains in this process.
"""
