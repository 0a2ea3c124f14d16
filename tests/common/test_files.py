"""Only the owner can read what Besom writes; links are followed; no name leads out of the root."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from besom.common.errors import StoreError
from besom.common.files import cache_folder, make_private, replace_text
from besom.tracking import connect, schema
from besom.tracking.outbox.log import RunLog
from tests.conftest import Command
from tests.sweep.apps import audit, run


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Set a usual umask, whatever the user's own is."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Return the paths below ``folder`` that other users can reach from it."""
    found = []
    for path in folder.iterdir():
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            found.append(str(path))
            found += open_to_others(path) if path.is_dir() else []
    return found


def test_missing_folders_are_made_for_their_owner_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    make_private(tmp_path / "there" / "a" / "b")
    make_private(tmp_path / "there" / "a" / "b")
    assert open_to_others(tmp_path) == [str(tmp_path / "there")]
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_private(tmp_path / "file")


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    replace_text(file, "after")
    assert file.read_text() == "after" and open_to_others(tmp_path) == []


def test_links_inside_the_record_are_followed(root: Path, tmp_path: Path) -> None:
    """For example, a user may keep artifacts and jobs on a scratch disk."""
    names = ("artifacts", "jobs", "locks", "spool")
    for name in names:
        (tmp_path / "scratch" / name).mkdir(parents=True)
        (root / name).symlink_to(tmp_path / "scratch" / name)
    for n_trials in (1, 2):
        done = run(
            "quadratic",
            *("x=interval(-5,5)", "hydra.sweeper.study_name=s", "hydra.sweep.dir=mlruns/jobs/s"),
            f"hydra.sweeper.n_trials={n_trials}",
            folder=root.parent,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert audit(root, "s").states() == {"COMPLETE": 2}
    assert all((root / name).is_symlink() for name in names)
    scratch = tmp_path / "scratch"
    assert any((scratch / "artifacts").rglob("config.yaml"))
    for folder in (scratch / "jobs" / "s" / "workers", scratch / "jobs" / "s" / "1"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../abc", "/tmp/abc", "a/b"])
def test_the_id_of_a_run_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="is no file name"):
        RunLog.create(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a.txt", "/a.txt", "a/../../b.txt"])
def test_a_text_of_a_forged_log_stays_in_the_run(
    root: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    path = str(tmp_path / "a.txt") if name == "/a.txt" else name
    with connect(root, None, "tests") as record:
        run_id = record.start_run("forged", {})
        record.text(run_id, path, "ours")
        record.flush()
        (run,) = record.runs({schema.MISSING: path})
    assert run.run_id == run_id
    assert {found.name for found in tmp_path.rglob("*.txt")} == set()


@pytest.mark.parametrize("words", [("train",), ("train", "-m", "seed=1,2")])
def test_besom_train_writes_for_its_owner_alone(
    words: tuple[str, ...], besom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hydra creates the root, before Besom does; the training itself is refused here."""
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "cache"))
    ended = besom(*words, "data=synthetic", "tracking.uri=http://127.0.0.1:9")
    assert ended.code == 2, ended.err
    assert (tmp_path / "mlruns" / "jobs").is_dir()
    assert open_to_others(tmp_path) == []
    assert os.umask(0o022) == 0o022


def test_the_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", None, ".cache/besom"),
        ("linux", "XDG_CACHE_HOME", "chosen/besom"),
        ("darwin", None, "Library/Caches/besom"),
        ("win32", "LOCALAPPDATA", "chosen/besom"),
    ],
)
def test_otherwise_it_is_in_the_platforms_own(
    platform: str,
    variable: str | None,
    folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("BESOM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "chosen"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == tmp_path / folder
