import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from besom.common.errors import StoreError
from besom.tracking.address import check_address, file_path, sqlite_path
from tests.servers import free_port


def test_paths_of_addresses(tmp_path: Path) -> None:
    assert sqlite_path("sqlite:////a/b.db") == Path("/a/b.db")
    assert sqlite_path("sqlite:///b.db") == Path.cwd() / "b.db"
    assert sqlite_path("http://host") is None
    folder = tmp_path / "a b#c%20ü"
    assert file_path(folder.as_uri()) == folder
    assert file_path("s3://bucket/a") is None


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Yield the port of a server that accepts a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections: list[socket.socket] = []
        thread = threading.Thread(target=lambda: connections.append(server.accept()[0]))
        thread.start()
        yield server.getsockname()[1]
        thread.join()
        connections[0].close()


@pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql+pymysql"])
def test_an_address_that_does_not_answer(scheme: str) -> None:
    with pytest.raises(StoreError) as error:
        check_address(f"{scheme}://ann:s3cret@127.0.0.1:{free_port()}/mlflow")
    assert "cannot be reached" in str(error.value)
    assert "s3cret" not in str(error.value)
    assert len(str(error.value).splitlines()) <= 2


def test_a_server_that_hangs_is_given_up(silent_port: int) -> None:
    with pytest.raises(StoreError, match="cannot be reached within"):
        check_address(f"http://127.0.0.1:{silent_port}")


def test_a_port_that_cannot_be_read() -> None:
    with pytest.raises(StoreError, match="its host or port cannot be read") as error:
        check_address("postgresql://ann:s3/cret@db/mlflow")
    assert "s3" not in str(error.value)


@pytest.mark.parametrize("uri", ["ftp://host/x", "mlruns", "file:///tmp/mlruns", "databricks"])
def test_unknown_scheme(uri: str) -> None:
    with pytest.raises(StoreError, match="is not an address that Besom knows"):
        check_address(uri)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("Dear diary, nothing happened today.")
    with pytest.raises(StoreError, match="is not a SQLite database"):
        check_address(f"sqlite:///{tmp_path / 'notes.db'}")
    with pytest.raises(StoreError, match="names no file"):
        check_address(f"sqlite:///{tmp_path}")
