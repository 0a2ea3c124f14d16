"""The confirmation: the best configurations and the baseline, trained again on fresh seeds.

It knows the sweep's jobs and its second study; run.py tells the story, statistics.py alone judges.
It must not know how trials are proposed, nor what a record's reader makes of the verdict.
"""
