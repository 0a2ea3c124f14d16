"""What this machine has that processes share: GPUs and memory. Knows no option and no worker.

Nothing here loads a library that would take what it finds.
"""
