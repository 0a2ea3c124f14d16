"""Formats output for people: progress as bars or lines, time left, tables, commands to type next.

It shows only what its arguments hold, and must not know where that comes from.
"""
