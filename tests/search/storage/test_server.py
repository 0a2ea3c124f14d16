"""Tests a study in PostgreSQL whose server restarts, or is shared."""

import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from psycopg import Connection

from besom.common.errors import StoreError, StudyError
from besom.common.states import State
from besom.search.space.grammar import read_space
from besom.search.storage import server as storage_server
from besom.search.storage.database import in_use, open_database, open_study
from besom.search.storage.server import ConnectionLost, take
from besom.search.study import Study
from besom.tracking.address import check_address
from tests import postgres
from tests.postgres import Postgres

SPACE = read_space({}, ["x=interval(0,1)"], loader=None)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture
def address(server: Postgres, tmp_path: Path) -> str:
    """Make a database for this test; return its address."""
    return server.make(tmp_path.name)


@pytest.fixture
def study(address: str) -> Iterator[Study]:
    study = open_study("s", address, ["minimize"])
    yield study
    study.close()


def on_disk(address: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=address).get_trials()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_connection_that_breaks_ends_the_sweep_in_one_line(
    how: str, study: Study, server: Postgres, address: str
) -> None:
    number = study.ask(SPACE.distributions).number
    server.restart(how)
    with pytest.raises(StoreError, match="command resumes the sweep") as caught, in_use(address):
        study.tell(number, State.COMPLETE, [1.0], {"seconds": 1.0}, {1: 0.5})
    assert len(str(caught.value).splitlines()) == 1
    assert Postgres.PASSWORD not in str(caught.value)
    with pytest.raises(ConnectionLost):  # the cached trials may be ahead of the database
        study.recall("anything")
    later = open_study("s", address, ["minimize"])
    later.tell(number, State.COMPLETE, [1.0])
    later.close()
    assert [trial.state.name for trial in on_disk(address)] == ["COMPLETE"]


def test_a_trial_whose_acknowledgement_is_lost_is_not_made_again(
    study: Study, server: Postgres, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Connection.commit

    def lost(connection: Connection) -> None:
        commit(connection)
        monkeypatch.undo()
        server.restart("immediate")
        connection.execute("SELECT 1")

    monkeypatch.setattr(Connection, "commit", lost)
    with pytest.raises(StoreError, match="the same command resumes the sweep"), in_use(address):
        study.ask(SPACE.distributions)
    assert len(on_disk(address)) == 1
    (row,) = open_study("s", address, ["minimize"]).rows()
    assert row.state == "running"


def test_one_supervisor_for_a_study_on_all_machines(
    study: Study, server: Postgres, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_server, "RELEASE_SECONDS", 0.0)
    with pytest.raises(StudyError, match=r"being swept already, by process \d+ on .* since 20"):
        open_study("s", address, ["minimize"])
    open_study("other", address, ["minimize"]).close()
    server.restart("immediate")  # the server forgets the lock
    other = open_study("s", address, ["minimize"])
    with pytest.raises(ConnectionLost):
        study.ask(SPACE.distributions)
    assert on_disk(address) == []
    other.close()
    monkeypatch.undo()  # the server takes a moment to notice the close
    open_study("s", address, ["minimize"]).close()


def test_libpq_is_told_when_to_give_up(address: str) -> None:
    database, _ = open_database(address)
    with database.engine.connect() as connection:
        limits = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    database.engine.dispose()
    assert limits["connect_timeout"] == "5"
    assert limits["tcp_user_timeout"] == "60000" and limits["keepalives_idle"] == "30"


def test_the_server_is_told_too(study: Study, address: str) -> None:
    """Otherwise it would keep the lock of a supervisor whose machine has vanished."""
    with Connection.connect(address) as connection:
        take(connection, 2, "another")
        names = ("tcp_user_timeout", "tcp_keepalives_idle")
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    assert shown == [("60000",), ("30",)]


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2"])
def test_a_missing_driver_is_named_with_what_installs_it(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, name, None)
    with_server = f"{scheme}://besom:secret@/besom"
    for use in (
        lambda: open_study("s", with_server, ["minimize"]),
        lambda: check_address(with_server),
    ):
        with pytest.raises(StoreError, match=r"pip install '\.\[postgresql\]'") as caught:
            use()
        assert len(str(caught.value).splitlines()) == 2
        assert "secret" not in str(caught.value)
