"""The workload: trains a network, recurrent or not, that classifies texts.

The texts are IMDb's reviews, synthetic reviews, or the user's own texts and classes.

This is the only room that knows TensorFlow and Keras. It must not know the record, the search or
the workers: only :mod:`besom.rnn.__main__` connects it with them. Everything chosen by name has a
registry: ``DATA_SETS`` (:mod:`besom.rnn.data`), ``MODELS`` (:mod:`besom.rnn.models`), ``ENGINES``
and ``OPTIMIZERS`` (:mod:`besom.rnn.engines.base`).
"""
