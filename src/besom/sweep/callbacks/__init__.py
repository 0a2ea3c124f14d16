"""Tells the events of a sweep to callbacks: the user's own, and those that come with Besom.

This room makes a row of plain values for each event, and calls the callbacks with it in a thread
beside the supervisor's (``queue.py``). It must not know the supervisor, nor what any callback does
with a row.

Printing the progress is no callback: it needs what rows do not tell (reports to come, lost
attempts), and its lines must come before those that the supervisor prints next.
"""
