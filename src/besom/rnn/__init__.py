"""The workload: a network, recurrent or another, that tells the class of a text: IMDb's praise and
blame, made-up reviews, or texts and classes of the user's own.

The one room that knows TensorFlow and Keras, its own data and configuration. It knows no record, no
search and no worker: only :mod:`besom.rnn.__main__` joins it with them. What can be chosen by name
stands in one registry each: ``DATA_SETS`` (:mod:`besom.rnn.data`), ``MODELS``
(:mod:`besom.rnn.models`), ``ENGINES`` and ``OPTIMIZERS`` (:mod:`besom.rnn.engines.base`).
"""
