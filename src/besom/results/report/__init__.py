"""``besom report``: a study as one HTML file to be kept, sent, printed, and opened offline.

It knows the tables of :mod:`besom.results`, and Plotly. It must not know where a record is kept.
"""
