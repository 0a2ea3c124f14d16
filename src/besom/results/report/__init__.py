"""``besom report``: writes a study as one HTML file that needs no network.

It knows a study and the texts of its runs as a reader gives them, the importance of parameters and
the statistics of seeds, and Plotly. It must not know how a record is kept: it asks the reader, also
for the address of the pages that it links to. It writes nothing but its file.
"""
