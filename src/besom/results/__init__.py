"""What a sweep has taught: compared, confirmed, reproduced, exported, asked, and as a report.

It reads the record, and knows the workload where a command needs ``besom train``. It opens no run
and starts no worker: ``confirm`` gives words to ``besom sweep``, ``reproduce`` trains in this
process.
"""
