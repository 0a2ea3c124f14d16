"""State of a program that cannot be sent to workers: only this is named in a remark."""

import subprocess
import sys
from pathlib import Path

from tests import warm

# Some of these values change. Others differ at every import, or are unchanged but not picklable.
SETTINGS = """
import collections, logging, os, re, socket, sqlite3, threading, time, uuid
from concurrent.futures import ThreadPoolExecutor
class Store:
    shared = None
    def __init__(self, **members):
        self.scale, self.entries, self.made = 1, {}, (os.getpid(), time.time_ns())
        self.log, self.digits = logging.getLogger("store"), re.compile("[0-9]+")
        self.id, self.client = uuid.uuid4().hex, socket.socket()
        vars(self).update(members)
    def register(self, name):
        self.entries[name] = name
LOCK, LOCAL, POOL = threading.Lock(), threading.local(), ThreadPoolExecutor(1)
CLIENT, GENERATOR = sqlite3.connect(":memory:"), (number for number in range(3))
LOCKS = collections.defaultdict(threading.Lock, {"a": threading.Lock()})
NEST = {"pid": os.getpid(), "inner": [{"lock": threading.Lock()}], "self": Store()}
NEST["again"] = NEST
UNTOUCHED, AGAIN, SAME_LOCK = Store(), Store(), threading.Lock()
AGAIN.scale = 1
STORE, REGISTRY, VALUES, OWNED = Store(lock=None), Store(), Store(), Store()
TABLE, LINES, OPENED, BIG, SMALL = {"scale": 1}, [1], None, None, bytes(17 << 20)
NUMBERS, HOOK, UNSET = bytes(17 << 20), lambda x: x, bytes(17 << 20)
"""
APP = """
import atexit, pickle, sqlite3, threading
import settings as s
from settings import STORE
from besom.app.modules import main_module
from besom.app.modules.state import carry
conn = None
def task(config):
    with open("none") as file:
        return opened.execute(file.read()), conn
if __name__ == "__main__":
    file, client, lock = open("carried", "wb"), sqlite3.connect(":memory:"), threading.Lock()
    atexit.register(lambda: client.close())
    [client.execute("select 1") for _ in range(2)]
    opened, opened_too = client, client
    s.SAME_LOCK, s.UNSET = threading.Lock(), bytes(17 << 20)
    s.UNTOUCHED.scale = 1
    if CHANGES:
        STORE.lock = lock
        s.REGISTRY.register("x")
        s.VALUES.scale = 10
        s.OWNED.__class__.shared = lock
        s.TABLE["lock"] = lock
        s.LINES.append(lock)
        s.OPENED, s.BIG, s.NUMBERS = client, bytes(18 << 20), bytes([1]) * (17 << 20)
        s.HOOK = lambda x: (x, s.LOCK)
        s.HOOK.lock = lock
        s.LOCKS["b"] = lock
    else:
        del opened
    main = main_module.find()
    file.write(pickle.dumps((main, pickle.dumps(carry(main, "__main__")))))
"""
WORKER = """
import pickle, sys
sys.path[0] = {folder!r}
main, carried = pickle.load(open("carried", "rb"))
main.run()
for remark in pickle.loads(carried).put():
    print(remark)
"""
SWEPT = """
import threading
import hydra
class Store:
    scale, lock = 1, None
STORE = Store()
@hydra.main(version_base=None)
def task(config):
    return config.k * STORE.scale
if __name__ == "__main__":
    STORE.scale, STORE.lock = 10, threading.Lock()
    task()
"""
LOCK = "it cannot be pickled (cannot pickle '_thread.lock' object)"
CONNECTION = "it cannot be pickled (cannot pickle 'sqlite3.Connection' object)"
SOCKET = "it cannot be pickled (cannot pickle 'socket' object)"
LARGE = "it is larger than 16 MiB"


def remarks(folder: Path, *, changes: bool) -> list[str]:
    """Run a program that changes ``settings``, or not; return the remarks of a worker of it."""
    (folder / "settings.py").write_text(SETTINGS)
    (folder / "app.py").write_text(APP.replace("CHANGES", str(changes)))
    for command in (["app.py"], ["-c", WORKER.format(folder=str(folder))]):
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_was_set_and_cannot_be_carried_is_named_once_with_the_reason(tmp_path: Path) -> None:
    found = {}
    for line in remarks(tmp_path, changes=True):
        name, _, rest = line.partition(" has in the workers the value of its import, ")
        reason, _, remedy = rest.removeprefix("not the one that was set later: ").rpartition("; ")
        assert remedy == "set it at import, or inside the task" and name not in found
        found[name] = reason
    assert found == {
        "app.STORE": SOCKET,
        "app.opened": CONNECTION,
        "settings.REGISTRY": SOCKET,
        "settings.VALUES": SOCKET,
        "settings.Store.shared": LOCK,
        "settings.TABLE": LOCK,
        "settings.LINES": LOCK,
        "settings.BIG": LARGE,
        "settings.NUMBERS": LARGE,
        "settings.HOOK": LOCK,
        "settings.LOCKS": LOCK,
    }


def test_what_an_import_makes_anew_is_not_named_whether_it_can_be_pickled_or_not(
    tmp_path: Path,
) -> None:
    assert remarks(tmp_path, changes=False) == []


def test_a_sweep_says_it_once_before_its_first_trial(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SWEPT)
    words = ("hydra/sweeper=besom", "hydra.sweeper.n_jobs=2", "+k=range(0,4)")
    ended = warm.run(["app.py", "-m", *words, "hydra.sweeper.n_trials=4"], tmp_path)
    assert ended.returncode == 0, ended.stderr
    before, _, after = ended.stdout.partition("trial   0")
    assert before.count("app.STORE has in the workers the value of its import") == 1
    assert after and "app.STORE" not in after
