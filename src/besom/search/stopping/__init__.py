"""The rules of ``hydra.sweeper.stop``, which end a sweep before its last trial.

They read a study and say which rule holds. They must not know how a sweep ends.
"""
