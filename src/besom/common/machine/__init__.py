"""Finds the GPUs and the memory that this machine's processes share.

It knows no option and no worker. It loads no library that would take these resources itself.
"""
