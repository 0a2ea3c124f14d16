"""Decides what of a study's trials is kept, and deletes the rest.

This room knows the study, its ranking and the record. It must not know how trials are run.
"""
