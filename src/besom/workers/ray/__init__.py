"""Workers on the nodes of a Ray cluster: placement, transport and failures are Ray's.

Knows Ray, alone in Besom, and the pool of one machine, which it runs on each node. Must not know
Optuna or MLflow. Three processes pass the messages on:

supervisor (:mod:`.pool`) – driver (:mod:`.driver`), which Ray may end – actor (:mod:`.actor`), one
for each worker, with the worker's own process beside it.

Files of a job that the supervisor cannot see go the same way, in pieces (:mod:`.files`), before the
message that names them; what an earlier attempt has left is sent to the node first.
"""
