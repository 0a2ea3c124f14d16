"""The modules of an application in the processes that run its trials: it is pickled by reference to
them.

Its main module is there once, under its own name and as ``__main__``, and what the application has
set in its modules before the sweep is set in each worker. It must not know of trials.
"""
