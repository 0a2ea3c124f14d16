"""Runs workers on the nodes of a Ray cluster. Ray handles placement, transport and failures.

This room alone knows Ray. It also knows the pool of one machine, which it runs on each node. It
must not know Optuna or MLflow. Three processes pass the messages on:

supervisor (:mod:`.pool`) – driver (:mod:`.driver`), which Ray may end – actor (:mod:`.actor`), one
for each worker, with the worker's own process beside it.

Files of a job that the supervisor cannot see go the same way, in pieces (:mod:`.files`), before the
message that names them. Files that an earlier attempt has left are sent to the node first.
"""
