"""Shared by all tests: an environment without the tester's own settings, and the command line."""

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
# Temporary folders are in memory where it has room: SQLite waits for a disk at each commit.
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
# What ignores them, as nohup does, has tests whose children ignore them too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# absl, TensorFlow's logging, keeps the stderr it finds when it is imported, and closes it when
# Hydra sets up logging, unless it is the true one. Pytest's must stay open.
with redirect_stderr(sys.__stderr__):
    import absl.logging  # noqa: F401

# Keras warns of the sixth model that one process asks for answers, as many tests do in one and no
# command does.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests, of all of pytest's processes."""
    session = tmp_path_factory.getbasetemp()
    return session.parent if "PYTEST_XDIST_WORKER" in os.environ else session


@pytest.fixture(scope="session", autouse=True)
def copied_tables(shared_folder: Path) -> None:
    """MLflow makes its tables once for all tests, but for those of processes that start cold."""
    file = mlflow_tables.make(shared_folder / "tables.db")
    mlflow_tables.copy(file)
    os.environ[mlflow_tables.VARIABLE] = str(file)


@pytest.fixture(scope="session", autouse=True)
def shared_cache(shared_folder: Path) -> Iterator[Path]:
    """One cache for all tests, of all of pytest's processes: what one has compiled serves all."""
    folder = shared_folder / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BESOM_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def no_gpu() -> Iterator[None]:
    """Tests expect a processor's numbers; those about devices say which there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield


@pytest.fixture
def besom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """The ``besom`` command, run in this process and in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ended:
        try:
            code = main.main(words)
        except SystemExit as end:  # a sweeper has no other way to end Hydra
            code = int(end.code or 0)
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def own_hydra() -> Iterator[None]:
    """Hydra and a job's configuration are a whole process's; the next test has others, or none."""
    yield
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Hydra sets up logging for a whole process; give it back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables and an experiment, to be copied."""
    from besom.tracking import connect

    root = tmp_path_factory.mktemp("empty")
    connect(root, None, "unused").close()
    return root / "mlflow.db"


@pytest.fixture
def root(empty_database: Path, tmp_path: Path) -> Path:
    """A root of this test's own."""
    folder = tmp_path / "mlruns"
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    return folder


@pytest.fixture
def server(empty_database: Path, tmp_path: Path) -> MlflowServer:
    """MLflow's own server over a database of this test's own; it is still to be started."""
    database = tmp_path / "served.db"
    database.write_bytes(empty_database.read_bytes())
    return MlflowServer(tmp_path, database)
