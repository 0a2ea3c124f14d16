"""Ways to train one model: stock Keras, and XLA programs with the same mathematics."""
