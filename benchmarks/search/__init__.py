"""What a search recommends after so many minutes, judged on fresh seeds: ``python -m
benchmarks.search``.

Each side searches once for each seed, for as long as the longest budget; what it would have
recommended after a shorter one is known from the log of its trials.
"""
