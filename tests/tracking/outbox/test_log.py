import os
from pathlib import Path

import pytest

from besom.tracking.outbox import log as log_module
from besom.tracking.outbox.entries import Entry, Kind
from besom.tracking.outbox.log import RunLog, read, run_logs, set_orphaned_logs_aside


def kinds(path: Path) -> list[str]:
    return [entry.kind for entry in read(path)]


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    log = RunLog.create(tmp_path, "r1")
    log.append(Entry("text", {"text": "zwei\nZeilen \ud800"}, at=7))
    assert list(read(log.path)) == [Entry("text", {"text": "zwei\nZeilen \ud800"}, at=7)]


def test_a_living_log_is_not_taken_over(tmp_path: Path) -> None:
    log = RunLog.create(tmp_path, "r1")
    assert RunLog.take_over(log.path) is None
    log.close()
    assert RunLog.take_over(log.path) is not None


def test_a_removed_log_is_not_taken_over(tmp_path: Path) -> None:
    log = RunLog.create(tmp_path, "r1")
    log.remove()
    assert RunLog.take_over(log.path) is None
    assert run_logs(tmp_path) == []


@pytest.mark.parametrize("cut", [b'{"kind":"metr', b'{"kind":1', b"\0\0\0\0"])
def test_a_cut_last_line_is_ignored_and_written_over(tmp_path: Path, cut: bytes) -> None:
    log = RunLog.create(tmp_path, "r1")
    log.append(Entry("first", {}))
    log.close()
    with log.path.open("ab") as file:
        file.write(cut)
    assert kinds(log.path) == ["first"]
    taken = RunLog.take_over(log.path)
    assert taken is not None
    taken.append(Entry("second", {}))
    assert kinds(log.path) == ["first", "second"]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RunLog.create(tmp_path, "r1")
    log.append(Entry("first", {}))
    write = os.write

    def full_after_five_bytes(descriptor: int, content: memoryview) -> int:
        if len(content) > 5 and content[:1] == b"{":
            return write(descriptor, content[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full_after_five_bytes)
        with pytest.raises(OSError, match="No space"):
            log.append(Entry("lost", {}))
    log.append(Entry("second", {}))
    assert kinds(log.path) == ["first", "second"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"kind":"metrics","body":{"step":1,"values":{}},"at":1}\n',
        b'{"kind":"opened","body":{"name":"x"},"at":1}\n',
        b'{"kind":"opened","body":3,"at":1}\n',
        b'\0\0\0\0\n{"kind":"metrics","body":{},"at":1}\n',
        b"nonsense\n",
    ],
)
def test_a_log_without_its_beginning_is_set_aside_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "r1.jsonl").write_bytes(content)
    set_orphaned_logs_aside(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["r1.refused"]
    assert (tmp_path / "r1.refused").read_bytes() == content
    assert "does not name its run; it is kept as" in caplog.text


def test_logs_that_tell_whose_they_are_stay_and_so_do_living_ones(tmp_path: Path) -> None:
    told = RunLog.create(tmp_path, "told")
    told.append(Entry(Kind.OPENED, {"name": "", "tags": {}}))
    told.close()
    living = RunLog.create(tmp_path, "living")
    living.append(Entry("metrics", {}))
    (tmp_path / "just made.jsonl").touch()
    set_orphaned_logs_aside(tmp_path)
    assert {path.stem for path in run_logs(tmp_path)} == {"told", "living", "just made"}
    living.close()


def test_what_was_killed_before_its_first_line_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "EMPTY_SECONDS", -1)
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "torn.jsonl").write_bytes(b'{"kind":"ope')
    set_orphaned_logs_aside(tmp_path)
    assert list(tmp_path.iterdir()) == []
