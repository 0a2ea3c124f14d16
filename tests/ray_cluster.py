"""A Ray cluster of several raylets on this machine, in a separate process that tests control.

Each node has its own folder, as on a separate machine: no node sees the files that Ray writes for
another one.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from besom.workers.ray.protocol import RaySettings

VARIABLES = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0123456789abcdef" * 4,
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # use the loopback device only
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "3",  # the default wait for a lost head is 60
}
"""The environment of the cluster and of everything that joins it."""


class RayCluster:
    """A head without CPUs, so without workers, and nodes that are named by numbers.

    Processes that join it need ``variables`` in their environment.
    """

    variables = VARIABLES

    def __init__(self, process: "subprocess.Popen[str]", errors: Path) -> None:
        self._process, self._errors = process, errors
        self.address = self._answer()

    @property
    def settings(self) -> RaySettings:
        """The settings of a pool on this cluster; they let its nodes import the tests' modules."""
        checkout = str(Path(__file__).parents[1])
        return RaySettings(self.address, runtime_env={"env_vars": {"PYTHONPATH": checkout}})

    def add(self, n_cpus: int = 1) -> int:
        """Add a node; return its number."""
        return int(self._ask(f"add {n_cpus}"))

    def kill(self, node: int) -> None:
        """Kill a node with SIGKILL: its raylet and all processes that it has started."""
        self._ask(f"kill {node}")

    def kill_head(self) -> None:
        self._ask("kill-head")

    def _ask(self, words: str) -> str:
        assert self._process.stdin
        print(words, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("answer "):
                return line.split()[1]
        code = self._process.wait()
        raise RuntimeError(f"the cluster's process has ended: {code}\n{self._errors.read_text()}")


@contextmanager
def ray_cluster(
    n_nodes: int, n_cpus: int = 1, variables: Mapping[str, str] | None = None
) -> Iterator[RayCluster]:
    """Yield a running cluster; end all its processes at the end of the block."""
    command = [sys.executable, __file__, str(n_nodes), str(n_cpus)]
    environment = os.environ | VARIABLES | dict(variables or {})
    with (
        tempfile.NamedTemporaryFile() as errors,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield RayCluster(process, Path(errors.name))
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(60)


def main() -> None:
    from ray._common.utils import get_default_ray_temp_dir
    from ray.cluster_utils import Cluster

    os.makedirs(get_default_ray_temp_dir(), exist_ok=True)  # Cluster fails if it is missing
    small = {"object_store_memory": 80 << 20}
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # short, for sockets
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "temp_dir": folder, **small},
        )
        nodes = []

        def add(n_cpus: int) -> int:
            place = f"{folder}/{len(nodes)}"
            nodes.append(cluster.add_node(num_cpus=n_cpus, temp_dir=place, **small))
            return len(nodes) - 1

        for _ in range(int(sys.argv[1])):
            add(int(sys.argv[2]))
        print("answer", cluster.address, flush=True)
        for line in sys.stdin:
            match line.split():
                case ["add", n_cpus]:
                    print("answer", add(int(n_cpus)), flush=True)
                case ["kill", node]:
                    cluster.remove_node(nodes[int(node)], allow_graceful=False)
                    print("answer", node, flush=True)
                case ["kill-head"]:
                    cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
                    print("answer", "head", flush=True)
        cluster.shutdown()


if __name__ == "__main__":
    main()
