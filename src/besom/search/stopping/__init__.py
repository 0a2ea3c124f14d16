"""When a sweep needs no more trials: the rules of ``hydra.sweeper.stop``.

They look at a study and say which of them holds. They must not know how a sweep ends.
"""
