"""The state of an application's modules when the task is called, restored in another process."""

import os
import subprocess
import sys
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from besom.workers.process_state import ProcessState

SETTINGS = """
import os, pathlib, random, time
LR = 0.1
OUT = pathlib.Path("out")
LAYERS = (1, 2)
UPDATED = "no"
DERIVED = 2 * int("2")
PID = os.getpid()
RUN = f"run-{PID}"
START, ZERO = time.time_ns(), 0
started = os.getpid()
PORT = os.getpid()
CHOSEN = os.getpid()
RNG = None
NOISES = {"plain": random.random}
class Aug:
    ids = os.getpid()
    width = 1
    def __init__(self):
        self.rng = random.Random()
        self.started = 1
AUG = Aug()
GROUP = [random.Random()]
def choose(n):
    global CHOSEN, RNG
    CHOSEN = n
    RNG = random.Random(n)
"""
OTHER = """
import os
import settings as chosen
from settings import PID, RUN as NAME, LR
import settings
FOLDER = os.path.join("out", NAME)
COPY = settings.PID
PORT = os.getpid()
"""
APP = """
import os, pickle, sys, settings, other
from besom.app.modules import main_module
from besom.app.modules.state import carry
class Clock:
    pass
if __name__ == "__main__":
    for name, value in {"LR": 0.5, "OUT": settings.OUT / "b", "LAYERS": (3,)}.items():
        place = settings
        setattr(place, name, value)
    place.__dict__.update(UPDATED="yes", DERIVED=9)
    settings.PORT = 7
    settings.Aug.width = 3
    settings.choose(5)
    settings.NOISES["added"] = settings.random.gauss
    clock = Clock()
    clock.started = 2
    main = main_module.find()
    with open("carried", "wb") as file:
        file.write(pickle.dumps((main, pickle.dumps(carry(main, "__main__")))))
"""
WORKER = """
import os, pickle, random
main, carried = pickle.load(open("carried", "rb"))
main.run()
import settings as s, other
rng, group, width = s.AUG.rng.getstate(), s.GROUP[0].getstate(), s.Aug.width
pickle.loads(carried).put()
assert (s.LR, str(s.OUT), s.LAYERS, s.UPDATED, s.DERIVED) == (0.5, "out/b", (3,), "yes", 9)
assert (s.PORT, s.CHOSEN, width, s.Aug.width) == (7, 5, 1, 3)
own = os.getpid()
assert (s.PID, s.RUN, s.started, s.Aug.ids) == (own, f"run-{own}", own, own)
assert (other.PID, other.NAME, other.COPY, other.PORT) == (own, s.RUN, own, own)
assert other.FOLDER == "out/" + s.RUN and s.START > int(open("time").read()) and s.ZERO == 0
assert (s.AUG.rng.getstate(), s.GROUP[0].getstate()) == (rng, group)
assert s.RNG.random() == random.Random(5).random()
assert s.NOISES == {"plain": random.random, "added": random.gauss}
"""

SCRIPT = """
import pickle
from mylib import registry
from besom.app.modules import main_module
from besom.app.modules.state import carry
if __name__ == "__main__":
    registry.REGISTRY["mine"] = 1
    registry.set_default(5.0)
    main = main_module.find()
    carried = carry(main, "__main__")
    assert {"__main__", "mylib", "mylib.registry"} <= {*carried.modules}
    assert "pathlib" not in carried.modules and "hydra" not in carried.modules
    with open("carried", "wb") as file:
        file.write(pickle.dumps((main, pickle.dumps(carried))))
"""
REGISTRY = """
REGISTRY, DEFAULT = {}, 1.0
def set_default(value):
    global DEFAULT
    DEFAULT = value
"""


def run(folder: Path, *command: str, path: str = "") -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([path, os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr


def test_what_was_set_is_carried_and_what_an_import_makes_is_not(tmp_path: Path) -> None:
    for name, text in {"settings": SETTINGS, "other": OTHER, "app": APP}.items():
        (tmp_path / f"{name}.py").write_text(text)
    run(tmp_path, "app.py")
    stamp = (tmp_path / "carried").stat().st_mtime_ns
    (tmp_path / "time").write_text(str(stamp))
    run(tmp_path, "-c", f"import sys; sys.path[0] = {str(tmp_path)!r}\n{WORKER}")


def test_what_was_set_in_modules_of_another_folder_is_carried_too(tmp_path: Path) -> None:
    for name, text in {"scripts/app": SCRIPT, "src/mylib/registry": REGISTRY}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "src" / "mylib" / "__init__.py").touch()
    run(tmp_path, "scripts/app.py", path="src")
    load = "import pickle\nmain, carried = pickle.load(open('carried', 'rb'))\nmain.run()\n"
    put = "assert pickle.loads(carried).put() == ()\nfrom mylib import registry as r\n"
    held = "assert (r.REGISTRY, r.DEFAULT) == ({'mine': 1}, 5.0)"
    run(tmp_path, "-c", load + put + held, path="src")


def test_a_resolver_that_a_trial_replaced_is_put_back(tmp_path: Path) -> None:
    OmegaConf.register_new_resolver("width_of", lambda: 1, replace=True)
    folder, streams = os.getcwd(), (sys.stdin, sys.stdout, sys.stderr)
    config = OmegaConf.create({"width": "${width_of:}", "added": "${added_by_trial:}"})
    try:
        state = ProcessState(str(tmp_path / "log"))
        OmegaConf.register_new_resolver("width_of", lambda: 2, replace=True)
        OmegaConf.register_new_resolver("added_by_trial", lambda: 3)
        assert config.width == 2
        state.restore()
        assert config.width == 1 and config.added == 3
    finally:
        BaseContainer._resolvers.pop("width_of", None)
        BaseContainer._resolvers.pop("added_by_trial", None)
        os.chdir(folder)
        sys.stdin, sys.stdout, sys.stderr = streams
