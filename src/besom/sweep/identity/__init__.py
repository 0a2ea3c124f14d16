"""Checks at each start that a study is about the same as before; finds trials that are equal.

This room knows the plan, the study, and the composed configurations that workers send. It must not
know pools or the record, nor decide what is run.
"""
