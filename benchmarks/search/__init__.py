"""Compares what searches recommend after some minutes, by training it on fresh seeds.

``python -m benchmarks.search`` runs each side once for each seed, for the longest budget. The log
of its trials shows what it would have recommended after a shorter one.
"""
