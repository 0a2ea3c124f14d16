"""The figures of a report, in sections of their own.

A figure knows the trials that it draws, and Plotly. It must not know the page that contains it.
"""
