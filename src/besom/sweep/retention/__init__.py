"""What is kept of a study's trials, and what is deleted to make room.

It knows the study, its ranking and the record. It must not know how trials are run.
"""
