"""What a study is held to, and what its trials have beside what is searched.

It knows the plan and the study. It must not know workers or the record, nor decide what is run.
"""
