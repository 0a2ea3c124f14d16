"""What an earlier process of the same sweep left unfinished, found and put right.

It knows the studies and the record, and in which order jobs are committed to them. It must not
know workers, nor decide what is trained next.
"""
