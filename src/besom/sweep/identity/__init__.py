"""What must not change while a study goes on, compared at each start; and what makes two of its
trials equal.

It knows the plan, the study, and what a worker says of a composed configuration. It must not know
pools or the record, nor decide what is run.
"""
