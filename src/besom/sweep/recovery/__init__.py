"""Finds and completes what an earlier process of the same sweep left unfinished.

This room knows the studies and the record, and in which order jobs are committed to them. It must
not know workers, nor decide what is trained next.
"""
