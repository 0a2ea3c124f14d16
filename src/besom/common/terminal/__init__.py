"""Output for people: progress as bars or lines, time left, tables, commands to type next.

It knows what it shows by its arguments alone. It must not know where that comes from.
"""
