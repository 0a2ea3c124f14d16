"""Ray's cluster: one of this sweep's own on this machine, or one that runs already."""

import logging
import shutil
import socket
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import AuthenticationError, RayTaskError, RuntimeEnvSetupError
from ray.runtime_env import RuntimeEnv

from besom.common.addresses import mask
from besom.common.errors import ClusterError
from besom.common.interpreter import cores
from besom.common.suggest import did_you_mean, listed
from besom.workers.ray.protocol import Home, RaySettings

ANSWER_SECONDS = 10
"""Within which a cluster's address must answer."""

ROUNDING = 1e-9
"""Of binary fractions: ten workers with 0.1 GPU each fit on one."""

OBJECT_STORE = 256 << 20
"""Bytes of a cluster of our own: files pass through it in pieces."""

NOT_SENT = [".git", ".venv", "__pycache__", "/mlruns", "/multirun", "/outputs"]
"""Of the working folder. Ray leaves out what .gitignore names, too."""


class Cluster:
    """A connection to Ray, of this process: there is one at most.

    Args:
        needs: Ray's resources of one worker, ``CPU``, ``GPU`` or ``memory``.

    Raises:
        ClusterError: none answers, it is of another version, or it has no room for any worker.
    """

    def __init__(self, settings: RaySettings, home: Home, needs: Mapping[str, float]) -> None:
        self._needs = needs
        self._own_session: Path | None = None
        if settings.address is None:
            self._start(settings)
        else:
            self._join(settings, home)
        self._check_needs()

    def room(self) -> int:
        """How many workers its nodes have room for, whether they are free or not."""
        return sum(self._fitting(node["Resources"]) for node in _nodes())

    def node_is_alive(self, node_id: str) -> bool:
        try:
            return any(node["NodeID"] == node_id for node in _nodes())
        except Exception:  # of many kinds, while the head is away
            return False

    def close(self) -> None:
        """Leave it; one of our own ends with all that runs in it."""
        ray.shutdown()
        if self._own_session:
            shutil.rmtree(self._own_session, ignore_errors=True)

    def _start(self, settings: RaySettings) -> None:
        context = self._init(
            settings.runtime_env,
            address="local",
            num_cpus=cores(),
            include_dashboard=False,
            object_store_memory=OBJECT_STORE,
        )
        self._own_session = Path(context.address_info["session_dir"])

    def _join(self, settings: RaySettings, home: Home) -> None:
        address = str(settings.address)
        _check_answers(address)
        environment = dict(settings.runtime_env)
        if not home.is_seen(home.folder) and "working_dir" not in environment:
            environment["working_dir"] = str(home.folder)
            environment["excludes"] = [
                *environment.get("excludes", ()),
                *NOT_SENT,
                *_below(home.folder, home.jobs),
            ]
        self._init(environment, address=address)
        self._check_nodes(home)

    def _check_nodes(self, home: Home) -> None:
        """Find on one of them what would end every actor: no Besom, another one, a runtime
        environment that cannot be built."""
        try:
            there = ray.get(ray.remote(version).options(num_cpus=0).remote("besom"))
        except RuntimeEnvSetupError as error:
            text = f"hydra.sweeper.ray.runtime_env fails: {last_lines(error)}"
            raise ClusterError(text) from error
        except RayTaskError as error:
            text = f"a node cannot run Besom; install it there: {last_lines(error)}"
            raise ClusterError(text) from error
        if there != home.version:
            raise ClusterError(
                f"a node has Besom {there}, and this is {home.version}; install the same on all."
            )

    def _init(self, environment: Mapping[str, Any], **arguments: Any) -> Any:
        if unknown := environment.keys() - RuntimeEnv.known_fields:
            key = min(unknown)
            known = sorted(name for name in RuntimeEnv.known_fields if not name.startswith("_"))
            hint = did_you_mean(key, known, f"there are {listed(known)}")
            raise ClusterError(f"hydra.sweeper.ray.runtime_env.{key}: Ray has no such key; {hint}")
        try:
            return ray.init(
                runtime_env=dict(environment) or None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **arguments,
            )
        except RuntimeEnvSetupError as error:
            raise ClusterError(
                f"hydra.sweeper.ray.runtime_env fails: {last_lines(error)}"
            ) from error
        except ConnectionError as error:
            raise ClusterError(
                f"hydra.sweeper.ray.address={mask(str(arguments['address']))}: no cluster runs on "
                "this machine; start one with `ray start --head`, or give host:port."
            ) from error
        except AuthenticationError as error:
            raise ClusterError(
                f"hydra.sweeper.ray.address={mask(str(arguments['address']))}: the cluster asks "
                "for its token; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as its nodes have them."
            ) from error
        except (TypeError, ValueError) as error:
            text = f"hydra.sweeper.ray.runtime_env, or the working folder: {last_lines(error)}"
            raise ClusterError(text) from error
        except (RuntimeError, OSError) as error:
            raise ClusterError(f"Ray: {last_lines(error)}") from error

    def _check_needs(self) -> None:
        if self.room():
            return
        wanted = ", ".join(f"{name} {amount:g}" for name, amount in self._needs.items())
        there = "; ".join(
            ", ".join(f"{name} {node['Resources'].get(name, 0):g}" for name in self._needs)
            for node in _nodes()
        )
        raise ClusterError(
            f"hydra.sweeper.resources: one worker takes {wanted}, and no node of the cluster has "
            f"that.\nThe nodes have: {there}."
        )

    def _fitting(self, resources: Mapping[str, float]) -> int:
        return min(
            _fitting(resources.get(name, 0), amount, is_device=name == "GPU")
            for name, amount in self._needs.items()
        )


def _fitting(there: float, amount: float, is_device: bool) -> int:
    """How many times ``amount`` is in what a node has. Parts of a device are of one device."""
    if is_device and amount < 1:
        return int(there) * int(1 / amount + ROUNDING)
    return int(there / amount + ROUNDING)


def last_lines(error: BaseException) -> str:
    """What Ray says at the end of a long message, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return mask(" ".join(lines[-2:]))[:400]


def _nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _below(folder: Path, other: Path) -> list[str]:
    """``other`` as a pattern of what is left out of ``folder``, where it lies in it."""
    if other == folder or not other.is_relative_to(folder):
        return []
    return [f"/{other.relative_to(folder).parts[0]}"]


def _check_answers(address: str) -> None:
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()) or "/" in host:
        raise ClusterError(f"hydra.sweeper.ray.address={mask(address)}: take auto, or host:port.")
    with suppress(OSError):
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
        return
    raise ClusterError(
        f"hydra.sweeper.ray.address={mask(address)} does not answer within {ANSWER_SECONDS} s; "
        "give the address that `ray start --head` printed, and run Besom on a node of that cluster."
    )
