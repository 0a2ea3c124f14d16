"""Sets up how MLflow's pages show a study, and makes the addresses of these pages.

This room knows how MLflow's frontend stores a view. It must not know how a study is swept or read.
"""
