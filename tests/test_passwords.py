"""No password in an address appears in anything that a run writes, prints or sends to a server.

tests/chaos/long/test_passwords.py does the same with an MLflow server and the reference workload.
"""

import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from besom.app.redaction import redacted_logs
from besom.common.addresses import mask
from besom.common.errors import ConfigError
from besom.tracking import schema
from tests.conftest import Command
from tests.leaks import PASSWORD, leaks
from tests.sweep.apps import APPS, audit, run

DATABASE = f"postgresql://ann:{PASSWORD}@db.invalid/x"
NOBODY = f"http://ann:{PASSWORD}@127.0.0.1:9"


@pytest.fixture
def application(tmp_path: Path) -> list[str]:
    """Return two addresses with a password: Optuna's, where SQLite ignores it, and the task's."""
    storage = f"sqlite:///file:{tmp_path}/mlruns/optuna.db?uri=true&password={PASSWORD}"
    return [f"hydra.sweeper.storage='{storage}'", f"database='{DATABASE}'"]


def test_a_sweep_keeps_them_to_itself(root: Path, application: list[str]) -> None:
    done = run(
        "leaky",
        *application,
        *("x=choice(0,0.5,1,2)", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=4"),
        "hydra.sweeper.max_failure_rate=0.5",
        folder=root.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = audit(root, "leaky")
    assert found.states() == {"COMPLETE": 3, "FAIL": 1}
    assert leaks(root.parent, done.stdout, done.stderr) == []
    (failed,) = [trial for trial in found.trials if trial.state.name == "FAIL"]
    for told in (schema.ERROR, "besom.traceback"):
        assert mask(DATABASE) in failed.user_attrs[told]
    (log,) = (root.parent / "multirun").rglob(f"{failed.number}/leaky.log")
    assert log.read_text().count(mask(DATABASE)) == 2  # a warning, then the exception
    (written,) = (root.parent / "multirun").rglob(f"{failed.number}/.hydra/config.yaml")
    assert mask(DATABASE) in written.read_text()
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("words", [(), ("-m", "seed=1,2"), ("--cfg", "job"), ("--cfg", "all")])
def test_a_training_that_nobody_records_tells_nobody(
    words: tuple[str, ...], besom: Command, tmp_path: Path
) -> None:
    ended = besom("train", "data=synthetic", f"tracking.uri={NOBODY}", *words)
    shows = "--cfg" in words
    assert ended.code == (0 if shows else 2), ended.err
    assert mask(NOBODY) in (ended.out if shows else ended.err)
    (tmp_path / "something").touch()
    assert leaks(tmp_path, ended.out, ended.err) == []
    if not shows:
        written = [path.name for path in tmp_path.rglob("mlruns/jobs/**/*.yaml")]
        assert {"config.yaml", "overrides.yaml", "hydra.yaml"} <= set(written)
        assert ("multirun.yaml" in written) == ("-m" in words)


@pytest.mark.parametrize(
    "words",
    [
        [f"tracking.uri={NOBODY}", "tracking.urii=x"],
        [f"tracking.urii={NOBODY}"],
        [f"tracking.uri={NOBODY}, x"],
        [f"tracking.uri={NOBODY}", "model.units=a"],
        [f"seed={NOBODY}"],
    ],
)
def test_a_mistake_beside_or_in_an_address_does_not_show_it(
    words: list[str], besom: Command
) -> None:
    ended = besom("train", "data=synthetic", *words)
    assert ended.code == 2
    assert PASSWORD not in ended.out + ended.err


def test_full_errors_are_discreet_too(
    besom: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    ended = besom("train", "data=synthetic", f"tracking.uri={NOBODY}", "+data.path=")
    assert ended.code in (1, 2)
    assert PASSWORD not in ended.out + ended.err


def test_an_address_out_of_the_environment_is_never_written_down(root: Path) -> None:
    """``.hydra`` keeps the interpolation, so the job can still be run again."""
    words = ["database=${oc.env:DATABASE}", "x=0"]
    ended = subprocess.run(
        [sys.executable, str(APPS / "leaky.py"), *words],
        env={"DATABASE": DATABASE, "PYTHONPATH": ":".join(sys.path)},
        cwd=root.parent,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    (written,) = root.parent.rglob(".hydra/config.yaml")
    assert "${oc.env:DATABASE}" in written.read_text()


def test_what_is_logged_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("a library")
    before = logging.getLogRecordFactory()
    with redacted_logs():
        log.error("%s is away, %d", DATABASE, 3)
        try:
            raise OSError(DATABASE)
        except OSError:
            log.exception("away")
        log.error("no address in here, %s", ["whole", "arguments"])
    assert logging.getLogRecordFactory() is before
    assert PASSWORD not in caplog.text and caplog.text.count(mask(DATABASE)) == 2
    assert caplog.records[-1].args  # a record without a password is unchanged


def test_no_error_of_ours_shows_one() -> None:
    assert str(ConfigError(f"{DATABASE} is wrong")) == f"{mask(DATABASE)} is wrong"
