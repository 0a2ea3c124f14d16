"""The figures of a report, each a section with a drawing.

A figure knows the trials that it draws, and Plotly; it must not know the page that it stands in.
"""
