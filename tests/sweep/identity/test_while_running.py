"""A sweep ends if its source code or the identity of its data changes while it runs."""

from pathlib import Path

import pytest

from besom.app.hooks import Hooks
from besom.common.errors import StudyError
from besom.tracking import schema
from tests import warm
from tests.sweep.apps import audit
from tests.sweep.conftest import Bench, completes

MAIN = """\
import os, signal
import hydra
import net


@hydra.main(config_path=None, version_base=None)
def main(config):
    if os.path.exists("edit"):
        os.remove("edit")
        with open("net.py", "w") as file:
            file.write("BIAS = 100\\n")
        os.kill(os.getpid(), signal.SIGKILL)  # its successor imports what is there now
    return config.x + net.BIAS


main()
"""


def test_a_new_worker_that_has_imported_another_program_ends_the_sweep(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "net.py").write_text("BIAS = 0\n")
    words = ["main.py", "-m", "hydra/sweeper=besom", "+x=interval(0,1)", "hydra.sweeper.n_jobs=1"]
    words += ["hydra.sweeper.study_name=s", "hydra/sweeper/sampler=random"]
    assert warm.run([*words, "hydra.sweeper.n_trials=2"], tmp_path).returncode == 0
    (tmp_path / "edit").touch()
    done = warm.run([*words, "hydra.sweeper.n_trials=5"], tmp_path)
    assert done.returncode == 2
    assert "changed while it ran (net.py, which a new worker has imported)" in done.stderr
    assert all(trial.value < 2 for trial in audit(tmp_path / "mlruns", "s").trials if trial.value)
    (tmp_path / "net.py").write_text("BIAS = 0\n")
    assert warm.run([*words, "hydra.sweeper.n_trials=5"], tmp_path).returncode == 0
    values = [trial.value for trial in audit(tmp_path / "mlruns", "s").trials]
    assert len(values) == 5 and max(values) < 2


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (FileNotFoundError("x.csv"), r"the task's hook identity raises FileNotFoundError: x.csv"),
        ({"data": 2.5}, r"identity of data: 1.5 → 2.5"),
    ],
)
def test_what_the_identity_becomes_ends_the_sweep_and_loses_no_run(
    later: object, said: str, bench: Bench
) -> None:
    def identity(config: object) -> dict[str, str]:
        if isinstance(now[0], Exception):
            raise now[0]
        return now[0]  # type: ignore[no-any-return]

    now: list[object] = [{"data": 1.5}]
    driver, *_ = bench.driver(completes, n_trials=3, n_jobs=1, hooks=Hooks(identity=identity))
    now[0] = later
    with pytest.raises(StudyError, match=said):
        driver.run()
    driver.supervisor.abandon()
    bench.record.flush()
    runs = bench.record.runs({schema.STUDY: "bench"})
    assert {run.status for run in runs if schema.TRIAL in run.tags} == {"KILLED"}
