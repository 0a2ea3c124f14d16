"""What MLflow's pages show of a study, and the address that leads there.

Knows how MLflow's frontend keeps a view; must not know how a study is swept, or read.
"""
