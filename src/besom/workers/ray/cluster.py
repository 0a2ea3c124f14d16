"""Ray's cluster: one of this sweep's own on this machine, or one that runs already."""

import logging
import queue
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address_or_die
from ray._raylet import GcsClient  # type: ignore[attr-defined]
from ray.exceptions import AuthenticationError, RayError, RayTaskError, RuntimeEnvSetupError
from ray.runtime_env import RuntimeEnv

from besom.common.addresses import mask
from besom.common.errors import ClusterError
from besom.common.interpreter import cores
from besom.common.machine.devices import visible_devices
from besom.common.machine.memory import show_bytes, total_memory
from besom.common.suggest import did_you_mean, listed
from besom.workers.ray.protocol import Home, RaySettings
from besom.workers.resources import fitting, fitting_devices

ANSWER_SECONDS = 10
"""Seconds within which a cluster's address must answer."""

TOO_LARGE = "exceeds the maximum size"
"""A part of Ray's message about a working folder."""
VERSIONS = re.compile(r"Ray: (\S+)\s+Python: (\S+)")
"""In Ray's message about different versions: the cluster's come first, then this process'."""
SET_TOKEN = "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as its nodes have them"

OBJECT_STORE = 256 << 20
"""Bytes, if the sweep starts the cluster: files pass through the object store in pieces."""

NOT_SENT = [".git", ".venv", "__pycache__", "/mlruns", "/multirun", "/outputs"]
"""Parts of the working folder that are left out; Ray also leaves out what .gitignore names."""


class Cluster:
    """The connection of this process to Ray; there is one at most.

    Args:
        needs: Ray's resources of one worker, ``CPU``, ``GPU`` or ``memory``.

    Raises:
        ClusterError: no cluster answers, or it has another version.
    """

    def __init__(self, settings: RaySettings, home: Home, needs: Mapping[str, float]) -> None:
        self._home = home
        self._needs = needs
        self._own_session: Path | None = None
        if settings.address is None:
            self._start(settings)
        else:
            self._join(settings)

    def check(self) -> None:
        """Check what would end every worker. Return when a node has built the runtime environment.

        Raises:
            ClusterError: a node cannot run Besom, or has another version of it; or no node has room
                for a worker.
        """
        if not self._own_session:
            self._check_nodes()
        self._check_needs()

    def room(self) -> int:
        """Return how many workers the nodes have room for, whether that is free now or not."""
        return sum(self._fitting(node["Resources"]) for node in _nodes())

    def node_is_alive(self, node_id: str) -> bool:
        try:
            return any(node["NodeID"] == node_id for node in _nodes())
        except Exception:  # of many kinds, while the head is away
            return False

    def close(self) -> None:
        """Leave the cluster; if the sweep started it, it ends with everything that runs in it."""
        ray.shutdown()
        if self._own_session:
            shutil.rmtree(self._own_session, ignore_errors=True)

    def _start(self, settings: RaySettings) -> None:
        context = self._init(
            settings.runtime_env,
            address="local",
            num_cpus=cores(),
            num_gpus=len(visible_devices()),
            _memory=total_memory(),  # what the number of workers was checked against
            include_dashboard=False,
            object_store_memory=OBJECT_STORE,
        )
        self._own_session = Path(context.address_info["session_dir"])

    def _join(self, settings: RaySettings) -> None:
        given, home = str(settings.address), self._home
        address = _found(given)
        _check_answers(address, given if address == given else f"{given} ({address})")
        environment = dict(settings.runtime_env)
        if not home.is_seen(home.folder) and "working_dir" not in environment:
            environment["working_dir"] = str(home.folder)
            environment["excludes"] = [
                *environment.get("excludes", ()),
                *NOT_SENT,
                *_below(home.folder, home.jobs, *settings.left_out),
            ]
        self._init(environment, address=address)

    def _check_nodes(self) -> None:
        """Check on one node for what would end every actor: no Besom, another version of it, a
        runtime environment that cannot be built."""
        try:
            there = ray.get(ray.remote(version).options(num_cpus=0).remote("besom"))
        except RuntimeEnvSetupError as error:
            text = f"hydra.sweeper.ray.runtime_env fails: {last_lines(error)}"
            raise ClusterError(text) from error
        except RayTaskError as error:
            text = f"a node cannot run Besom; install it there: {last_lines(error)}"
            raise ClusterError(text) from error
        if there != (here := self._home.version):
            text = f"a node has Besom {there}, and this is {here}; install the same on all."
            raise ClusterError(text)

    def _init(self, environment: Mapping[str, Any], **arguments: Any) -> Any:
        if unknown := environment.keys() - RuntimeEnv.known_fields:
            key = min(unknown)
            known = sorted(name for name in RuntimeEnv.known_fields if not name.startswith("_"))
            hint = did_you_mean(key, known, f"there are {listed(known)}")
            raise ClusterError(f"hydra.sweeper.ray.runtime_env.{key}: Ray has no such key; {hint}")
        environment = dict(environment)
        if isinstance(variables := environment.get("env_vars"), Mapping):  # Hydra makes numbers
            environment["env_vars"] = {name: str(value) for name, value in variables.items()}
        try:
            return ray.init(
                runtime_env=environment or None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **arguments,
            )
        except (RayError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise ClusterError(_text_of(error, str(arguments["address"]))) from error

    def _check_needs(self) -> None:
        if self.room():
            return
        wanted = _shown(self._needs, self._needs)
        there = "; ".join(_shown(node["Resources"], self._needs) for node in _nodes())
        raise ClusterError(
            f"hydra.sweeper.resources: one worker takes {wanted}, and no node of the cluster has "
            f"that.\nThe nodes have: {there}."
        )

    def _fitting(self, resources: Mapping[str, float]) -> int:
        return min(
            (fitting_devices if name == "GPU" else fitting)(resources.get(name, 0), amount)
            for name, amount in self._needs.items()
        )


def _text_of(error: Exception, address: str) -> str:
    """Return the cause of an error of ``ray.init``, in one to three lines."""
    option = f"hydra.sweeper.ray.address={mask(address)}"
    match error:
        case RuntimeEnvSetupError() if TOO_LARGE in str(error):
            return (
                "The working folder is larger than the 512 MiB that Ray sends to the nodes: name "
                "what they do not need in .gitignore,\nor give hydra.sweeper.ray.shared_folder, or "
                "hydra.sweeper.ray.runtime_env={excludes: [...]}."
            )
        case RuntimeEnvSetupError():
            return f"hydra.sweeper.ray.runtime_env fails: {last_lines(error)}"
        case AuthenticationError():
            return f"{option}: the cluster asks for its token; {SET_TOKEN}."
        case ConnectionError():
            return (
                f"{option}: no cluster lets this process in. Start one with `ray start --head`,\n"
                f"or, where it has a token, {SET_TOKEN}."
            )
        case TypeError() | ValueError():
            return f"hydra.sweeper.ray.runtime_env, or the working folder: {last_lines(error)}"
    if len(found := VERSIONS.findall(str(error))) == 2:
        there, here = (f"Ray {ray} with Python {python}" for ray, python in found)
        return f"{option}: the cluster has {there}, and this is {here};\ninstall the same on all."
    return f"Ray: {last_lines(error)}"


def _shown(resources: Mapping[str, float], names: Iterable[str]) -> str:
    """Return ``CPU 2, GPU 0, memory 8 GiB``."""
    amounts = {name: resources.get(name, 0) for name in names}
    return ", ".join(
        f"{name} {show_bytes(int(amount)) if name == 'memory' else f'{amount:g}'}"
        for name, amount in amounts.items()
    )


def last_lines(error: BaseException) -> str:
    """Return the end of a long message of Ray's, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return mask(" ".join(lines[-2:]))[:400]


def _nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _below(folder: Path, *others: Path) -> list[str]:
    """Return patterns that leave those of ``others`` out of ``folder`` that lie in it."""
    inside = (other for other in others if other != folder and other.is_relative_to(folder))
    return [f"/{other.relative_to(folder)}" for other in inside]


def _found(address: str) -> str:
    """Return the address of the cluster that runs here, as Ray finds it, if ``auto`` is given."""
    if address != "auto":
        return address
    try:
        return str(canonicalize_bootstrap_address_or_die(address))
    except ConnectionError as error:
        raise ClusterError(_text_of(error, address)) from error
    except ValueError as error:
        raise ClusterError(f"RAY_ADDRESS: {last_lines(error)}; give host:port.") from error


def _check_answers(address: str, shown: str) -> None:
    """Refuse an address that is no cluster's; Ray itself would wait a minute or more for it.

    Args:
        shown: what the error calls it.
    """
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()) or "/" in host:
        raise ClusterError(f"hydra.sweeper.ray.address={mask(shown)}: take auto, or host:port.")
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    threading.Thread(target=_ask_head, args=(address, answers.put), daemon=True).start()
    with suppress(queue.Empty):
        match answers.get(timeout=ANSWER_SECONDS):
            case None:
                return
            case RayError() as error:
                raise ClusterError(_text_of(error, shown)) from error
    raise ClusterError(
        f"hydra.sweeper.ray.address={mask(shown)} does not answer as a cluster does within "
        f"{ANSWER_SECONDS} s; give the\naddress that `ray start --head` printed (port 6379, not "
        "8265 or 10001), and run Besom on a node of that cluster."
    )


def _ask_head(address: str, answer: Callable[[Exception | None], None]) -> None:
    """Ask whether a cluster answers and lets this process in; Ray has no public way to do so."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
        GcsClient(address=address).internal_kv_get(b"CLUSTER_METADATA", b"cluster")
    except (OSError, RayError) as error:
        answer(error)
    else:
        answer(None)
