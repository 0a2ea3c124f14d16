"""The workload: a recurrent network that tells praise from blame in film reviews."""
