"""Reads a record: compares, confirms, reproduces, exports, predicts, reports.

It reads the record, and knows the workload where a command needs ``besom train``. Only ``clean/``
deletes, and ``pages.py`` writes a study's view. It starts no worker: ``confirm`` gives words to
``besom sweep``, ``reproduce`` trains in this process.
"""
