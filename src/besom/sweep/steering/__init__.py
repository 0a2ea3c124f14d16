"""What ends or changes a sweep while it runs: Ctrl-C, requests of other terminals, time limits, too
many failures.

It knows the supervisor and its jobs. It must not know how a sweep is begun, nor how trials are
proposed.
"""
