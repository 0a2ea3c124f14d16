"""Ways to train one model: stock Keras, and XLA programs with the same mathematics.

They know a model, an optimizer and reviews; not the whole configuration, nor what is reported.
"""
