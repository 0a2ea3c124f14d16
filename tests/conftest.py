"""Fixtures of all tests: an environment without the user's settings, and the command line."""

import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from besom.cli import main
from tests import mlflow_tables
from tests.servers import MlflowServer

os.environ.pop("HYDRA_FULL_ERROR", None)
# Put temporary folders in memory if there is room: on a disk, SQLite waits at each commit.
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
# Reset both signals: under nohup, for example, they are ignored, and child processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# absl, TensorFlow's logging, keeps the stderr of its import. When Hydra sets up logging, it closes
# that stream unless it is the original one. The stderr of pytest must stay open.
with redirect_stderr(sys.__stderr__):
    import absl.logging  # noqa: F401

# Keras warns when one process predicts with more than five models. Tests do that, commands do not.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Ended:
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the one folder that all tests share, also across pytest-xdist processes."""
    session = tmp_path_factory.getbasetemp()
    return session.parent if "PYTEST_XDIST_WORKER" in os.environ else session


@pytest.fixture(scope="session", autouse=True)
def copied_tables(shared_folder: Path) -> None:
    """Have MLflow create its tables once for all tests, except for processes that start cold."""
    file = mlflow_tables.make(shared_folder / "tables.db")
    mlflow_tables.copy(file)
    os.environ[mlflow_tables.VARIABLE] = str(file)


@pytest.fixture(scope="session", autouse=True)
def shared_cache(shared_folder: Path) -> Iterator[Path]:
    """Share one cache between all tests and pytest processes: each program is compiled once."""
    folder = shared_folder / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BESOM_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def no_gpu() -> Iterator[None]:
    """Hide GPUs, since tests expect a CPU's numbers. Tests about devices define their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield


@pytest.fixture
def besom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs ``besom`` in this process, in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ended:
        try:
            code = main.main(words)
        except SystemExit as end:  # the only way for a sweeper to end Hydra
            code = int(end.code or 0)
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def own_hydra() -> Iterator[None]:
    """Clear Hydra and the job's configuration after each test: both are global to the process."""
    yield
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Restore the root logger after each test: Hydra sets up logging for the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with MLflow's tables and an experiment, for tests to copy."""
    from besom.tracking import connect

    root = tmp_path_factory.mktemp("empty")
    connect(root, None, "unused").close()
    return root / "mlflow.db"


@pytest.fixture
def root(empty_database: Path, tmp_path: Path) -> Path:
    """Return a root folder for this test alone, with MLflow's tables."""
    folder = tmp_path / "mlruns"
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    return folder


@pytest.fixture
def server(empty_database: Path, tmp_path: Path) -> MlflowServer:
    """Return an MLflow server with a database for this test alone; the test starts it."""
    database = tmp_path / "served.db"
    database.write_bytes(empty_database.read_bytes())
    return MlflowServer(tmp_path, database)
