"""``besom report``: a study as one HTML file to be kept, sent, printed, and opened offline."""
