"""The ``besom`` command: words in, exit code out.

It knows of the other rooms what carries out a command, and imports that when the command is given:
``besom --help`` loads no Hydra. It imports neither MLflow nor Keras.
"""
