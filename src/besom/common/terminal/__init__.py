"""What people see of work that goes on, and of its results: bars or lines, time left, tables.

Knows what it shows by its arguments alone.
"""
