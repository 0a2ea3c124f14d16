"""What people use today, written as one who knows each tool well would write it."""

ONE_THREAD = dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1"
)
"""The environment of a process that is to keep to one core."""
