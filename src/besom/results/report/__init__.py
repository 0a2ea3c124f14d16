"""``besom report``: writes a study as one HTML file that needs no network.

It knows studies and the text artifacts of runs as the reader returns them, the importance of
parameters, the statistics of seeds, and Plotly. It must not know how the record is kept: the reader
also returns the address of the pages that it links to. It writes only its file.
"""
