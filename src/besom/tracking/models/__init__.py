"""Models in MLflow: logged with a run, registered, downloaded.

It knows MLflow's models and Keras' files. It must not know how a model is trained.
"""
