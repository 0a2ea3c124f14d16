"""Logs models with runs in MLflow, registers, downloads and deletes them.

This room knows MLflow's models and Keras' files. It must not know how a model is trained.
"""
