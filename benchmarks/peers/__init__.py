"""The tools that people use today, each used as an experienced user would."""

ONE_THREAD = dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1"
)
"""The environment of a process that must use only one core."""
