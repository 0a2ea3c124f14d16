"""An application whose folder is elsewhere on the machine that loads it."""

import subprocess
import sys
from pathlib import Path

MAIN = """
import sys
from pathlib import Path

import hydra
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.types import HydraContext, RunMode
from helper import DOUBLE

from besom.app import job
from besom.app.job import JobRunner


def task(config):
    return DOUBLE * config.x


if __name__ == "__main__":
    here = Path(__file__).parent
    main = Hydra.create_main_hydra2("main", create_config_search_path(str(here / "conf")))
    master = main.compose_config("config", [], RunMode.MULTIRUN)
    runner = JobRunner(HydraContext(main.config_loader, Callbacks()), task, master)
    moves = {here: here.with_name("there")}
    there = here.with_name("there") / "jobs"
    here.with_name("payload").write_bytes(job.moved(job.dump(runner), moves, there))
"""

LOADED = """
import sys
from pathlib import Path

from besom.app import job

there = Path(sys.argv[1])
sys.path.insert(0, str(there))
runner, _ = job.load(there.with_name("payload").read_bytes())
config = runner.compose(("x=5",), 3)
print(config.x, config.model.units, config.hydra.runtime.output_dir, runner.task(config))
"""


def test_it_is_found_where_it_is_now(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "conf" / "model").mkdir(parents=True)
    (here / "conf" / "config.yaml").write_text("defaults: [model: small, _self_]\nx: 1\n")
    (here / "conf" / "model" / "small.yaml").write_text("units: 8\n")
    (here / "helper.py").write_text("DOUBLE = 2\n")
    (here / "main.py").write_text(MAIN)
    subprocess.run([sys.executable, here / "main.py"], check=True, cwd=here)
    there = here.rename(tmp_path / "there")
    done = subprocess.run(
        [sys.executable, "-c", LOADED, there], cwd=there, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["5", "8", str(there / "jobs" / "3"), "10"]
