"""What a person sees of a sweep: the dry run, progress, the summary, and files of results."""
