"""The ``besom`` command: words in, exit code out.

It imports what a command needs when that command is given; ``besom --help`` loads no Hydra.
"""
