"""Models in MLflow: saved with a run, registered, and brought back as files.

It knows MLflow's models and Keras' files. It must not know how a model is trained.
"""
