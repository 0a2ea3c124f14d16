"""Sets up an application's modules in its workers, since it is pickled by reference to them.

A worker imports the main module once, under its own name and as ``__main__``. What the application
has set in its modules before the sweep is set in each worker. This room must not know of trials.
"""
