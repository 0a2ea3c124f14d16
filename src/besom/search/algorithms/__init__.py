"""The samplers and pruners: their options, and the Optuna objects that are made from them.

It knows the dimensions of a space and the trials of a study. It must not know what happens to a
proposal.
"""
