"""A task that keeps memory, misbehaves if its configuration says so, and returns its pid."""

import atexit
import os
import pickle
import signal
import struct
import time
from pathlib import Path
from typing import TextIO

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

import besom
from besom.app.hooks import Hooks, hooked
from besom.workers.messages import Told

HOARD: list[bytes] = []
TABLES: list[TextIO] = []


def prepare() -> None:
    """Append the process id to the file ``started``."""
    with Path("started").open("a") as file:
        file.write(f"{os.getpid()}\n")


def framed(content: bytes) -> bytes:
    """Return a message as ``multiprocessing`` writes it: the length first."""
    return struct.pack("!i", len(content)) + content


def pipe() -> int:
    """Return the descriptor of the worker's only socket."""
    descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
    (found,) = (fd for fd in descriptors if "socket:" in os.path.realpath(f"/proc/self/fd/{fd}"))
    return found


def stop_within(words: str) -> None:
    """Send a message, and stop this process (SIGSTOP) in the middle of it."""
    message = framed(pickle.dumps(Told("log", ({"said": words},))))
    os.write(pipe(), message[:-5])
    os.kill(os.getpid(), signal.SIGSTOP)
    os.write(pipe(), message[-5:])


def fork_and_die() -> None:
    """Fork a process that keeps the pipe open, in its own session; then die by SIGKILL."""
    forked = os.fork()
    if not forked:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    Path("forked").write_text(str(forked))
    time.sleep(0.2)  # until the child has its session
    besom.log({"said": "last words"})
    os.kill(os.getpid(), signal.SIGKILL)


def overwrite(name: str) -> None:
    """Overwrite a file with a fixed name, and write files that count as no conflict of jobs."""
    Path(name).write_text("best")
    with open("log.txt", "a") as log:
        log.write("row\n")
    Path(HydraConfig.get().runtime.output_dir, "model.txt").write_text("model")
    for other in (".cache/fonts.json", "data.lock"):
        Path(other).parent.mkdir(exist_ok=True)
        Path(other).write_text("shared")


def write_at_exit(name: str, seconds: float) -> None:
    """Buffer a line in an open file, and have another file created as Python exits."""
    TABLES.append(open(f"{name}.csv", "a"))  # noqa: SIM115
    TABLES[-1].write("row\n")

    def leave() -> None:
        time.sleep(seconds)
        Path(f"{name}.left").touch()

    atexit.register(leave)


@hooked(Hooks(prepare=prepare))
def hoard(config: DictConfig) -> float:
    HOARD.append(b"x" * (config.megabytes << 20))
    if "stops_within" in config:
        stop_within(config.stops_within)
    if "overwrites" in config:
        overwrite(config.overwrites)
    if "leaves" in config:
        write_at_exit(config.leaves, config.get("seconds", 0))
    if "forks" in config:
        fork_and_die()
    if "writes" in config:
        os.write(pipe(), bytes.fromhex(config.writes.removesuffix("x")))
        time.sleep(60)
    return float(os.getpid())
