"""What is on its way to MLflow: a log on disk for each run, and the thread that sends it.

It knows MLflow's client. It must not know of trials, studies or tasks.
"""
