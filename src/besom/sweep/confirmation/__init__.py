"""The confirmation: the best configurations and the baseline, trained again on fresh seeds."""
