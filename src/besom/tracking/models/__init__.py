"""Models in MLflow: saved with a run, registered, and brought back as files.

It must not know how a model is trained.
"""
