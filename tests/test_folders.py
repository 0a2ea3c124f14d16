"""What is written is for its owner, and lands where it seems to: no link leads it elsewhere."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from besom.errors import StoreError
from besom.folders import make_private, not_through_links, refuse_links, remove_links, replace_text
from besom.sweeping.lock import one_at_a_time
from besom.tracking import connect
from besom.tracking.spool import Spool, spools
from tests.conftest import Command
from tests.sweeping.apps import run

CONTENT = "all of it\nand no line less"


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Whatever the tester's own is."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's folder, which nobody asked us to write to."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "precious").write_text(CONTENT)
    return folder


def untouched(folder: Path) -> bool:
    return [path.name for path in folder.iterdir()] == ["precious"] and (
        folder / "precious"
    ).read_text() == CONTENT


def open_to_others(folder: Path) -> list[str]:
    """What below a folder somebody else can come to, from ``folder`` on."""
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


def test_a_link_on_the_way_is_refused_below_a_folder_only(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "root").symlink_to(elsewhere)
    refuse_links(tmp_path / "root" / "a", below=tmp_path / "root")
    refuse_links(tmp_path / "root" / "a", below=tmp_path / "other")
    with pytest.raises(StoreError, match="root is a link"):
        make_private(tmp_path / "root" / "a", below=tmp_path)
    assert untouched(elsewhere)


def test_files_are_opened_and_replaced_at_their_own_place(tmp_path: Path, elsewhere: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(elsewhere / "precious")
    with pytest.raises(StoreError, match="is a link"), open(link, "w", opener=not_through_links):
        pass
    replace_text(link, "ours")
    assert link.read_text() == "ours" and not link.is_symlink()
    (tmp_path / "other").symlink_to(elsewhere)
    remove_links(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]
    assert untouched(elsewhere)


@pytest.mark.parametrize("name", ["spool", "artifacts", "spool/.lock"])
def test_a_record_with_a_link_in_it_is_not_opened(root: Path, elsewhere: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(elsewhere / "precious" if "." in name else elsewhere)
    with pytest.raises(StoreError, match="is a link"):
        connect(root, None, "tests")
    assert untouched(elsewhere)


def test_a_log_that_is_a_link_is_nobodys(tmp_path: Path, elsewhere: Path) -> None:
    """To take over a log is to cut off its last torn line."""
    link = tmp_path / "abc.jsonl"
    link.symlink_to(elsewhere / "precious")
    assert spools(tmp_path) == []
    for touch in (lambda: Spool.create(tmp_path, "abc"), lambda: Spool.adopt(link)):
        with pytest.raises(StoreError, match="is a link"):
            touch()
    assert untouched(elsewhere)


@pytest.mark.parametrize("name", ["../abc", "/tmp/abc", "a/b"])
def test_the_id_of_a_run_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="no plain name"):
        Spool.create(tmp_path, name)
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
        (run,) = record.runs({"besom.missing": path})
    assert run.run_id == run_id
    assert {found.name for found in tmp_path.rglob("*.txt")} == set()


@pytest.mark.parametrize("name", ["locks", "locks/.start"])
def test_locks_are_not_looked_for_elsewhere(root: Path, elsewhere: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(elsewhere / "precious" if "." in name else elsewhere)
    with pytest.raises(StoreError, match="is a link"), one_at_a_time(root):
        pass
    assert untouched(elsewhere)


def test_a_study_does_not_leave_the_root(root: Path, elsewhere: Path) -> None:
    (root / "jobs").mkdir()
    (root / "jobs" / "s").symlink_to(elsewhere)
    done = run(
        "quadratic",
        *("x=interval(-5,5)", "hydra.sweeper.study_name=s", "hydra.sweep.dir=mlruns/jobs/s"),
        folder=root.parent,
    )
    assert done.returncode == 2 and "is a link" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert untouched(elsewhere)


def test_links_in_a_jobs_folder_lead_nowhere(root: Path, elsewhere: Path) -> None:
    """A study goes on, or is planted, in folders whose names are known beforehand."""
    jobs = root / "jobs" / "s"
    for planted in ("0/.hydra/config.yaml", "0/.hydra/hydra.yaml", "0/quadratic.log"):
        (jobs / planted).parent.mkdir(parents=True, exist_ok=True)
        (jobs / planted).symlink_to(elsewhere / "precious")
    (jobs / "1").symlink_to(elsewhere)
    done = run(
        "quadratic",
        *("x=choice(1,2)", "hydra.sweeper.study_name=s", "hydra.sweep.dir=mlruns/jobs/s"),
        *("hydra/sweeper/sampler=grid", "hydra.sweeper.max_failure_rate=1"),
        "hydra.sweeper.n_trials=2",
        folder=root.parent,
    )
    assert done.returncode == 0, done.stderr
    assert f"{jobs / '1'} is a link" in done.stdout.replace("mlruns/jobs", str(root / "jobs"))
    assert "config.yaml" in {path.name for path in (jobs / "0" / ".hydra").iterdir()}
    assert untouched(elsewhere)
    for folder in (root / "locks", jobs / "workers"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("words", [("train",), ("train", "-m", "seed=1,2")])
def test_besom_train_writes_for_its_owner_alone(
    words: tuple[str, ...], besom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hydra makes the root, before anybody else could; here nothing more comes of it."""
    monkeypatch.setenv("BESOM_CACHE", str(tmp_path / "cache"))
    ended = besom(*words, "data=synthetic", "tracking.uri=http://127.0.0.1:9")
    assert ended.code == 2, ended.err
    assert (tmp_path / "mlruns" / "jobs").is_dir()
    assert open_to_others(tmp_path) == []
    assert os.umask(0o022) == 0o022


def test_besom_train_does_not_leave_the_root(
    besom: Command, tmp_path: Path, elsewhere: Path
) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "jobs").symlink_to(elsewhere)
    ended = besom("train", "data=synthetic")
    assert ended.code == 2 and "jobs is a link" in ended.err
    assert untouched(elsewhere)
