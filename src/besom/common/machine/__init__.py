"""The GPUs and the memory that this machine's processes share. Knows no option and no worker.

Nothing here loads a library that would take what it finds.
"""
