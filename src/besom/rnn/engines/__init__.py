"""Trains one model: by stock Keras, or by XLA programs with the same mathematics.

This room knows a model, an optimizer and reviews. It must not know the whole configuration, or what
is reported.
"""
