import os
from pathlib import Path

import pytest

from besom.tracking.spool import Entry, Spool, read, spools


def kinds(path: Path) -> list[str]:
    return [entry.kind for entry in read(path)]


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, "r1")
    spool.append(Entry("text", {"text": "zwei\nZeilen \ud800"}, at=7))
    assert list(read(spool.path)) == [Entry("text", {"text": "zwei\nZeilen \ud800"}, at=7)]


def test_a_living_log_is_not_adopted(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, "r1")
    assert Spool.adopt(spool.path) is None
    spool.close()
    assert Spool.adopt(spool.path) is not None


def test_a_removed_log_is_not_adopted(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, "r1")
    spool.remove()
    assert Spool.adopt(spool.path) is None
    assert spools(tmp_path) == []


@pytest.mark.parametrize("torn", [b'{"kind":"metr', b'{"kind":1', b"\0\0\0\0"])
def test_a_torn_last_line_is_ignored_and_written_over(tmp_path: Path, torn: bytes) -> None:
    spool = Spool.create(tmp_path, "r1")
    spool.append(Entry("first", {}))
    spool.close()
    with spool.path.open("ab") as file:
        file.write(torn)
    assert kinds(spool.path) == ["first"]
    adopted = Spool.adopt(spool.path)
    assert adopted is not None
    adopted.append(Entry("second", {}))
    assert kinds(spool.path) == ["first", "second"]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.create(tmp_path, "r1")
    spool.append(Entry("first", {}))
    write = os.write

    def full_after_five_bytes(descriptor: int, content: memoryview) -> int:
        if len(content) > 5 and content[:1] == b"{":
            return write(descriptor, content[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full_after_five_bytes)
        with pytest.raises(OSError, match="No space"):
            spool.append(Entry("lost", {}))
    spool.append(Entry("second", {}))
    assert kinds(spool.path) == ["first", "second"]
