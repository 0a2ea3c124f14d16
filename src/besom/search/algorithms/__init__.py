"""What proposes trials and what ends them early: options, and Optuna's objects made of them.

It knows the dimensions of a space and the trials of a study. It must not know what becomes of a
proposal.
"""
