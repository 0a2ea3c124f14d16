"""A Hydra application whose trials damage their process in many ways, for the trials after them."""

import importlib
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

import besom


@dataclass
class Config:
    how: str = "none"
    x: int = 1


ConfigStore.instance().store(name="config", node=Config)


def close_output() -> None:
    sys.stdout.close()
    sys.stderr.detach()
    os.close(1)


def leave_for_a_folder_that_goes() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)


def clear() -> None:
    OmegaConf.clear_resolvers()
    HydraConfig.instance().cfg = None


def swap_streams() -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    os.closerange(0, 3)


def limit() -> None:
    for number in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        resource.setrlimit(number, (0, resource.getrlimit(number)[1]))


def signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.setitimer(signal.ITIMER_REAL, 0.2)


def environment() -> None:
    Path("sets_it.py").write_text("import os\nos.environ['IMPORTED'] = '1'")
    importlib.import_module("sets_it")
    os.environ["HOME"] = "/nowhere"
    os.environ["ADDED"] = "1"
    del os.environ["PATH"]
    os.umask(0o777)


def fork() -> None:
    """Fork two children that report and then end the task: one returns, the other raises."""
    for raised in (None, ValueError("raised in a fork")):
        if os.fork() == 0:
            besom.report(2, pid=os.getpid())
            if raised:
                raise raised
            return
    assert sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2)) == [0, 1]


def for_good() -> None:
    """Remove the folder of the workers' logs, so that this worker's log cannot be opened again."""
    shutil.rmtree(Path(HydraConfig.get().sweep.dir, "workers"))
    os.close(1)


class Nameless(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt  # which `except Exception` does not catch


def raises(error: BaseException) -> None:
    raise error


def rubbish() -> None:
    """Write to every socket of this process."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and os.path.realpath(f"/proc/self/fd/{name}").find("socket:") >= 0:
            os.write(int(name), b"rubbish\n")


SPOIL = {
    "none": lambda: None,
    "close_output": close_output,
    "leave": leave_for_a_folder_that_goes,
    "swap_streams": swap_streams,
    "recursion": lambda: sys.setrecursionlimit(90),
    "limit": limit,
    "clear": clear,
    "signals": signals,
    "environment": environment,
    "fork": fork,
    "for_good": for_good,
    "nameless": lambda: raises(Nameless()),
    "keyboard": lambda: raises(KeyboardInterrupt()),
    "interrupted": lambda: raises(besom.Interrupted("by itself")),
    "full": lambda: Path("/dev/full").write_text("x" * 100_000),
    "rubbish": rubbish,
}
START = Path.cwd()
sys.path.append(str(START))


@hydra.main(version_base=None, config_path=None, config_name="config")
def main(config: DictConfig) -> float:
    print("spoils by", config.how)
    logging.getLogger(__name__).info("logs")
    besom.report(1, pid=os.getpid())
    assert Path.cwd() == START and sys.getrecursionlimit() == 1000
    assert "PATH" in os.environ and "ADDED" not in os.environ
    assert ("IMPORTED" in os.environ) is ("sets_it" in sys.modules)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    Path(HydraConfig.get().runtime.output_dir, "written").write_text("x" * 1000)
    subprocess.run(["sh", "-c", "echo said && echo too >&2"], check=True)
    SPOIL[config.how]()
    return float(os.getpid())


if __name__ == "__main__":
    main()
