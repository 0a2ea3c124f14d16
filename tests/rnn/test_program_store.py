"""The store of compiled programs, with made-up ones: XLA's part is in test_program."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from besom.rnn.program_store import ProgramStore

CONTENT = bytes(range(256))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "programs"


def use(store: ProgramStore, identity: str, content: bytes = CONTENT) -> str:
    """What XLA does: load what lies there, or compile and leave it there."""
    with store.at_hand(identity):
        file = store.desk / f"{identity}.pb"
        if file.exists():
            assert file.read_bytes() == content
            return "found"
        file.write_bytes(content)
        return "compiled"


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*"))


def test_a_program_is_found_by_every_later_process(folder: Path) -> None:
    first, second = ProgramStore(folder, "here"), ProgramStore(folder, "here")
    assert [use(first, "a"), use(second, "a"), use(first, "a"), use(second, "b")] == [
        "compiled",
        "found",
        "found",
        "compiled",
    ]
    assert use(ProgramStore(folder, "here"), "b") == "found"
    assert len(entries(folder)) == 2


def test_another_platforms_program_is_not_found(folder: Path) -> None:
    use(ProgramStore(folder, "1 thread"), "a")
    assert use(ProgramStore(folder, "2 threads"), "a") == "compiled"


def test_nothing_stays_on_the_desk(folder: Path) -> None:
    store = ProgramStore(folder, "here")
    use(store, "a")
    with pytest.raises(ZeroDivisionError), store.at_hand("b"):
        (store.desk / "half.pb").write_bytes(b"half a program")
        (store.desk / "b.pb.tmp").write_bytes(b"half a program")
        raise ZeroDivisionError
    assert not list(store.desk.glob("[!.]*"))
    assert len(entries(folder)) == 1


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:10],
        lambda content: b"",
        lambda content: content + b"\0",
        lambda content: bytes(len(content)),
        flipped,
    ],
    ids=["half", "less than a digest", "nothing", "more", "zeros", "one bit"],
)
def test_a_damaged_program_is_made_again(
    folder: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    store = ProgramStore(folder, "here")
    use(store, "a")
    [entry] = entries(folder)
    entry.write_bytes(damage(entry.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert use(store, "a") == "compiled"
    assert "damaged" in caplog.text
    assert use(store, "a") == "found"
    assert entries(folder) == [entry]


def test_a_forgotten_program_is_made_again(folder: Path) -> None:
    store = ProgramStore(folder, "here")
    use(store, "a")
    use(store, "b")
    store.forget("a")
    assert (use(store, "a"), use(store, "b")) == ("compiled", "found")


def test_the_least_recently_used_make_room(folder: Path) -> None:
    size = len(CONTENT) + 32
    store = ProgramStore(folder, "here", limit=2 * size)
    for age, identity in enumerate("abc"):
        use(store, identity)
        for entry in entries(folder):
            os.utime(entry, (entry.stat().st_atime, entry.stat().st_mtime - 100))
        if age == 1:
            assert use(store, "a") == "found"  # so b is the oldest
    assert [use(store, identity) for identity in "ac"] == ["found", "found"]
    assert use(store, "b") == "compiled"
    ProgramStore(folder, "here", limit=size)
    assert len(entries(folder)) == 1


def test_nobody_else_can_put_programs_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    store = ProgramStore(folder, "here")
    assert folder.stat().st_mode & 0o777 == 0o700
    use(store, "a")
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    assert use(store, "a") == "compiled", "the file belongs to another user"
    with pytest.raises(PermissionError, match="another user"):
        ProgramStore(folder, "here")


def test_a_full_disk_costs_time_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: object, content: bytes, target: Path) -> None:
        raise OSError(28, "No space left on device")

    store = ProgramStore(folder, "here")
    use(store, "a")
    monkeypatch.setattr("besom.rnn.desk.Desk.place", full)
    assert use(store, "a") == "compiled"
    assert use(store, "b") == "compiled"
    assert "not kept: [Errno 28]" in caplog.text
    monkeypatch.undo()
    assert use(store, "a") == "found"


def test_a_cache_that_somebody_empties_costs_time_only(folder: Path) -> None:
    store = ProgramStore(folder, "here")
    shutil.rmtree(folder)
    with store.at_hand("a"):
        pass
    with pytest.raises(ZeroDivisionError), store.at_hand("a"):
        raise ZeroDivisionError
