"""A study in PostgreSQL whose server restarts, goes away, or is shared."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from psycopg import Connection

from besom.errors import StoreError, StudyError
from besom.sweeping import connections
from besom.sweeping.connections import Gone, Lock
from besom.sweeping.database import in_use, open_database
from besom.sweeping.opening import open_study
from besom.sweeping.protocol import State
from besom.sweeping.space import read_space
from besom.sweeping.study import Study
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
    """A database of this test's own."""
    return server.make(tmp_path.name)


@pytest.fixture
def study(address: str) -> Iterator[Study]:
    study = open_study("s", address, ["minimize"])
    yield study
    study.close()


def owner_of(address: str) -> str | None:
    attributes = optuna.load_study(study_name="s", storage=address).user_attrs
    return attributes.get(f"besom.{connections.OWNER}")


def on_disk(address: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=address).get_trials()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_broken_connections_are_renewed(
    how: str, study: Study, server: Postgres, address: str
) -> None:
    for number in range(3):
        assert study.ask(SPACE.distributions).number == number
        server.restart(how)
        study.tell(number, State.COMPLETE, [1.0], {"seconds": 1.0}, {1: 0.5})
    assert [trial.state.name for trial in on_disk(address)] == ["COMPLETE"] * 3


def test_a_database_that_comes_back_is_waited_for(
    study: Study, server: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    server.stop()
    later = threading.Timer(1, server.start)
    later.start()
    assert study.ask(SPACE.distributions).number == 0
    later.join()
    assert "waiting up to 60 s for the database postgresql://besom:***@" in caplog.text


def test_one_that_goes_away_again_at_once_is_waited_for(
    study: Study, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Lock.take

    def torn(lock: Lock, connection: Connection) -> None:
        monkeypatch.undo()
        server.restart("immediate")
        take(lock, connection)

    server.restart("fast")
    monkeypatch.setattr(Lock, "take", torn)
    study.remember("anything", 1)
    assert study.recall("anything") == 1


def test_one_that_stays_away_ends_the_sweep_in_plain_words(
    study: Study, server: Postgres, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.2)
    server.stop()
    try:
        with pytest.raises(StoreError, match="the same command goes on") as caught, in_use(address):
            study.ask(SPACE.distributions)
    finally:
        server.start()
    assert len(str(caught.value).splitlines()) == 2
    assert Postgres.PASSWORD not in str(caught.value)
    with pytest.raises(Gone):  # what this process knows may be ahead of it
        study.recall("anything")


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
    with pytest.raises(StoreError, match="the same command goes on"), in_use(address):
        study.ask(SPACE.distributions)
    assert len(on_disk(address)) == 1
    (row,) = open_study("s", address, ["minimize"]).rows()
    assert row.state == "running"


def test_one_supervisor_for_a_study_on_all_machines(
    study: Study, server: Postgres, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RELEASE_SECONDS", 0.0)
    with pytest.raises(StudyError, match=r"being swept already, by process \d+ on .* since 20"):
        open_study("s", address, ["minimize"])
    open_study("other", address, ["minimize"]).close()
    server.restart("immediate")  # forgets who has it
    study.remember("anything", 1)
    with pytest.raises(StudyError, match="being swept already"):
        open_study("s", address, ["minimize"])
    study.close()
    monkeypatch.undo()  # the server takes a moment to see that it is closed
    open_study("s", address, ["minimize"]).close()


def test_a_study_that_another_has_taken_meanwhile_is_not_written(
    study: Study, server: Postgres, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RELEASE_SECONDS", 0.0)
    server.restart("immediate")
    other = open_study("s", address, ["minimize"])
    with pytest.raises(StudyError, match="being swept already"):
        study.ask(SPACE.distributions)
    assert on_disk(address) == []
    other.close()


def test_nor_is_one_that_another_has_taken_and_left(
    study: Study, server: Postgres, address: str
) -> None:
    study.take_over()
    number = study.ask(SPACE.distributions).number
    server.restart("immediate")
    other = open_study("s", address, ["minimize"])
    other.take_over()
    other.tell(number, State.COMPLETE, [1.0])
    other.close()
    with pytest.raises(StudyError, match="was taken over by another supervisor"):
        study.tell(number, State.FAILED)
    (trial,) = on_disk(address)
    assert trial.state.name == "COMPLETE"


def test_whoever_has_only_looked_takes_nothing_over(
    study: Study, server: Postgres, address: str
) -> None:
    study.take_over()
    number = study.ask(SPACE.distributions).number
    server.restart("immediate")
    open_study("s", address, ["minimize"]).close()  # is refused then, for another space say
    study.tell(number, State.COMPLETE, [1.0])
    assert [trial.state.name for trial in on_disk(address)] == ["COMPLETE"]


def test_one_that_was_overtaken_as_it_started_writes_nothing(
    study: Study, server: Postgres, address: str
) -> None:
    server.restart("immediate")
    other = open_study("s", address, ["minimize"])
    other.take_over()
    other.close()
    owner = owner_of(address)
    with pytest.raises(StudyError, match="was taken over"):
        study.take_over()
    assert owner and owner_of(address) == owner


def test_a_server_that_accepts_and_is_silent_is_not_waited_for(
    server: Postgres, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 2.0)
    study = open_study("s", address, ["minimize"])
    server.restart("fast")
    with server.silent(), pytest.raises(StoreError, match="timeout expired"), in_use(address):
        study.ask(SPACE.distributions)
    study.close()


@pytest.mark.parametrize(
    ("query", "variable", "seconds"),
    [("", "", "5"), ("?connect_timeout=9", "", "9"), ("", "7", "7")],
)
def test_libpq_is_told_when_to_give_up(
    query: str, variable: str, seconds: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGCONNECT_TIMEOUT", raising=False)
    if variable:
        monkeypatch.setenv("PGCONNECT_TIMEOUT", variable)
    database, _ = open_database(address + query)
    with database.engine.connect() as connection:
        limits = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    database.engine.dispose()
    assert limits["connect_timeout"] == seconds
    assert limits["tcp_user_timeout"] == "60000" and limits["keepalives_idle"] == "30"


def test_the_server_is_told_too(study: Study, address: str) -> None:
    """Its side keeps the lock of a supervisor whose machine has vanished."""
    with Connection.connect(address) as connection:
        Lock(2, "another").take(connection)
        names = ("tcp_user_timeout", "tcp_keepalives_idle")
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    assert shown == [("60000",), ("30",)]


def test_a_server_that_may_forget_does_not_forget_this(server: Postgres, address: str) -> None:
    server.execute(address, "ALTER ROLE ALL SET synchronous_commit = off")
    study = open_study("s", address, ["minimize"])
    study.ask(SPACE.distributions)
    server.restart("immediate")
    assert len(on_disk(address)) == 1
    study.close()


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
        with pytest.raises(StoreError, match=r"pip install 'besom\[postgresql\]'") as caught:
            use()
        assert len(str(caught.value).splitlines()) == 2
        assert "secret" not in str(caught.value)
