import socket

import pytest

from besom.common import addresses
from besom.common.addresses import mask, reach


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://ann:s3cret@db:5432/x", "postgresql://ann:***@db:5432/x"),
        ("postgresql://ann:s3/cret@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:s3@cret@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann@server:s3cret@db/x", "postgresql://ann@server:***@db/x"),
        ("postgresql://ann:s3/cr@et@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:s3@cr/et@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:s3?cr@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:s/3?cr@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:s3@c?r@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:s/c?r@t@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:a://b@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:p@x://y@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:p,x://y@db/x", "postgresql://ann:***@db/x"),
        ("postgresql://ann:p@db/x?user=a@b", "postgresql://ann:***@b"),
        ("a https://u:p:q@host/ b", "a https://u:***@host/ b"),
        ("http://token:@host", "http://token:@host"),
        ("http://host:5000/path", "http://host:5000/path"),
        ("sqlite:////tmp/a@b.db", "sqlite:////tmp/a@b.db"),
        ("http://h/?token=abc&x=1", "http://h/?token=***&x=1"),
        ("postgresql:///x?user=ann&password=a@b:c/d", "postgresql:///x?user=ann&password=***"),
        ('["s=sqlite:///a?sslPassword=p&q=1", "b"]', '["s=sqlite:///a?sslPassword=***&q=1", "b"]'),
        ('["s=sqlite:///a?pwd=p!", "b?"]', '["s=sqlite:///a?pwd=***", "b?"]'),
        ("with url: /?password=p (Caused by x)", "with url: /?password=*** (Caused by x)"),
        ("mssql:///?odbc_connect=PWD%3Dp", "mssql:///?odbc_connect=***"),
        ("a ? b : password=c; http://h/?sort=token", "a ? b : password=c; http://h/?sort=token"),
        ("http://u:p@h:1,b=postgresql://v:q@g", "http://u:***@h:1,b=postgresql://v:***@g"),
        (r"uri=http\://u\:p\,q@h\:9,seed=1", r"uri=http\://u\:***@h\:9,seed=1"),
        (r'["uri=http\\://u\\:p@h"]', r'["uri=http\\://u\\:***@h"]'),
        (r"s=sqlite\:///a?password\=p\:q seed=1", r"s=sqlite\:///a?password\=*** seed=1"),
        ("uri: mysql+pymysql://u:p@h/d\nroot: x", "uri: mysql+pymysql://u:***@h/d\nroot: x"),
    ],
)
def test_passwords_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize("text", ["http://h:1," * 200_000, "x" * 1_000_000, "x://a:" * 200_000])
def test_long_words_take_no_longer_than_they_are(text: str) -> None:
    """A search from each address to the end of the word would take an hour for these."""
    assert mask(text) == text


def test_the_usual_port_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setitem(addresses.PORTS, "mysql", port)
        reach("mysql+pymysql://ann@127.0.0.1/x", 4)
        reach(f"oracle://127.0.0.1:{port}/x", 4)
    with pytest.raises(OSError, match="refused"):
        reach("mysql+pymysql://ann@127.0.0.1/x", 4)


@pytest.mark.parametrize("address", ["sqlite:///a.db", "postgresql:///x?host=/run", "oracle://h/x"])
def test_without_host_or_port_there_is_nobody_to_ask(address: str) -> None:
    reach(address, 4)


def test_a_port_that_is_no_number_is_not_shown() -> None:
    with pytest.raises(ValueError, match="host or port cannot be read") as error:
        reach("postgresql://ann:s3/cret@db/x", 4)
    assert "s3" not in str(error.value)
