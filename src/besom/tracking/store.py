"""Opens the MLflow store. Creates folder, schema and experiment where they are missing."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from alembic.util.exc import CommandError  # raised for another program's database
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

from besom.common import sqlite
from besom.common.addresses import mask, scheme_of, sqlite_address
from besom.common.errors import StoreError
from besom.common.files import make_private, private
from besom.tracking import schema
from besom.tracking.address import SERVERS, check_address, own_address, sqlite_path, with_timeout
from besom.tracking.client import reason
from besom.tracking.outbox.log import FOLDER
from besom.tracking.runs import restoring


@dataclass(frozen=True)
class Store:
    """An open store. ``uri`` may hold a password: show it through ``addresses.mask`` only."""

    client: MlflowClient
    uri: str
    is_own: bool  # the SQLite file below the root, which may move with the root
    experiment: str
    experiment_id: str
    outbox: Path

    @property
    def place(self) -> dict[str, str]:
        """The store and experiment of the runs, as written in their logs on disk."""
        address = "own" if self.is_own else mask(self.uri)
        return {"store": address, "experiment": self.experiment}


def open_store(root: Path, uri: str | None, experiment: str) -> Store:
    """Open the store below ``root``, or the one at ``uri``. Several processes may do so at once.

    Raises:
        StoreError: the folder cannot be written, or the address cannot be used.
    """
    root = root.absolute()
    own = own_address(root)
    uri = uri or own
    check_address(uri)
    outbox = _make_folders(root)
    try:
        with _alone(root):
            _create_schema(uri, root / "artifacts")
            if uri == own:
                sqlite.write_ahead(root / "mlflow.db")
            client = MlflowClient(with_timeout(uri))
            experiment_id = _experiment(client, experiment, _artifact_location(uri, root))
    except (MlflowException, CommandError, SQLAlchemyError) as error:
        _refuse(uri, error)
    return Store(client, uri, uri == own, experiment, experiment_id, outbox)


def _make_folders(root: Path) -> Path:
    """Make the root's folders, private to the user: diffs and configurations may hold secrets."""
    outbox = root / FOLDER
    try:
        make_private(root)
        make_private(root / "artifacts")
        make_private(outbox)
    except OSError as error:
        raise _unwritable(root, error) from error
    return outbox


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the root's lock: MLflow's migrations must not run in two processes at once."""
    try:
        lock = str(root / FOLDER / ".lock")
        descriptor = private(lock, os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise _unwritable(root, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create_schema(uri: str, artifacts: Path) -> None:
    """Create the SQLite file where it is missing.

    It is written under another name first, so that a kill does not leave half a database.
    """
    path = sqlite_path(uri)
    if path is None or os.path.exists(path):  # Path.exists fails over a name too long
        return
    draft = path.with_name(f"{path.name}.new")
    try:
        make_private(path.parent)
        draft.unlink(missing_ok=True)
        draft.with_name(f"{draft.name}-journal").unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(
            f"tracking.uri={mask(uri)} cannot be written ({error.strerror}).\n"
            "Name a file in a folder of your own."
        ) from error
    store = SqlAlchemyStore(sqlite_address(draft), artifacts.as_uri())
    store.engine.dispose()
    draft.rename(path)


def _artifact_location(uri: str, root: Path) -> str | None:
    """Return the folder for artifacts; None for a tracking server, which has its own setting."""
    return None if scheme_of(uri) in SERVERS else (root / "artifacts").as_uri()


def _experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return _create_experiment(client, name, artifact_location)
    if found.lifecycle_stage != "active":
        restore = f"experiments restore -x {found.experiment_id}"
        raise StoreError(
            f"tracking.experiment={name} has been deleted.\nRestore it with "
            f"`{restoring(client.tracking_uri, restore)}`, or choose another name."
        )
    return str(found.experiment_id)


# Without this tag MLflow's pages treat an experiment as one with language models.
KIND = {schema.EXPERIMENT_KIND: "custom_model_development"}


def _create_experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    try:
        return str(client.create_experiment(name, artifact_location, KIND))
    except MlflowException as error:
        # Processes with other roots may share a server, and do not share the lock.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return _experiment(client, name, artifact_location)


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"tracking.root={folder} cannot be written ({error.strerror}).\n"
        "Choose a folder of your own with tracking.root=FOLDER."
    )


def _refuse(uri: str, error: Exception) -> NoReturn:
    if "out-of-date database schema" in str(error):
        raise StoreError(
            f"tracking.uri={mask(uri)} was written by an older MLflow.\n"
            "Back it up, then run `mlflow db upgrade` on it."
        ) from error
    raise StoreError(f"tracking.uri={mask(uri)} cannot be used: {reason(error)}") from error
