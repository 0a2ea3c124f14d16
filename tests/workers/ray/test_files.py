"""Files sent in pieces, and the draft files that are assembled from them."""

from pathlib import Path

import pytest

from besom.workers.ray import files
from besom.workers.ray.files import Assembly, pieces


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file on the node that is sent in two pieces."""
    monkeypatch.setattr(files, "PIECE", 4)
    file = tmp_path / "checkpoint"
    file.write_bytes(b"12345678")
    return file


@pytest.mark.parametrize(("only_whole", "kept"), [(True, b"whole"), (False, b"12345678more")])
def test_a_file_that_is_written_to_meanwhile_replaces_none_that_is_whole(
    only_whole: bool, kept: bytes, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "a").write_bytes(b"whole")
    assembly = Assembly(tmp_path / "jobs")
    for piece in pieces(checkpoint, "a", only_whole):
        if piece.is_first:
            checkpoint.write_bytes(b"12345678more")
        assembly.add(piece)
    assert [file.name for file in (tmp_path / "jobs").iterdir()] == ["a"]
    assert (tmp_path / "jobs" / "a").read_bytes() == kept


def test_a_file_that_nobody_writes_to_is_whole(checkpoint: Path, tmp_path: Path) -> None:
    assembly = Assembly(tmp_path / "jobs")
    found = [assembly.add(piece) for piece in pieces(checkpoint, "a", only_whole=True)]
    assert found == [None, tmp_path / "jobs" / "a"]
    assert (tmp_path / "jobs" / "a").read_bytes() == b"12345678"


def test_dropped_drafts_are_gone(checkpoint: Path, tmp_path: Path) -> None:
    assembly = Assembly(tmp_path / "jobs")
    assembly.add(next(pieces(checkpoint, "a")))
    assembly.drop()
    assert not any((tmp_path / "jobs").iterdir())
