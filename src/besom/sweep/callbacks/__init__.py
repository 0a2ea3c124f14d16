"""What is told of a sweep to code of the user's own, and to the callbacks that come with Besom.

It knows the rows that callbacks are given, makes them of the study's trials, and calls callbacks in
a thread beside the supervisor, from ``queue.py``. It must not know the supervisor, nor what any
callback does with a row.

Printing the progress is none of them: it needs what rows do not tell (reports to come, attempts
that are lost), and its lines must stand before those that the supervisor prints next.
"""
