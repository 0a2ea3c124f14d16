"""A worker loads the application's main module once, in its state when the task was called."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from besom.app.modules.main_module import _later
from tests.sweep.apps import APPS, audit

SWEEP = (
    *("-m", "hydra/sweeper=besom", "w=range(1,9)", "hydra.sweeper.n_trials=1"),
    *("hydra.sweeper.n_jobs=1", "hydra.sweeper.study_name=once"),
)


def swept(root: Path, *command: str, pools: str = "") -> None:
    done = subprocess.run(
        [sys.executable, *command, *SWEEP, f"pools='{pools}'"],
        cwd=root.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = audit(root, "once")
    assert found.states() == {"COMPLETE": 1}
    for trial in found.trials:
        assert trial.value == 3 * trial.params["w"] + 1


def test_a_script_with_a_guard_and_pools_of_all_kinds(root: Path) -> None:
    app = root.parent / "its own - app.py"
    shutil.copy(APPS / "crowded.py", app)
    shutil.copy(APPS / "shelf.py", root.parent)
    swept(root, str(app), pools="fork,spawn,forkserver")
    assert (root.parent / "guarded").read_text() == "once\n"


def test_a_module_without_a_guard(root: Path) -> None:
    package = root.parent / "package"
    package.mkdir()
    text = (APPS / "crowded.py").read_text()
    unguarded = text.replace('if __name__ == "__main__":', "if True:")
    (package / "app.py").write_text(unguarded.replace("import shelf", "from . import shelf"))
    shutil.copy(APPS / "shelf.py", package)
    swept(root, "-m", "package.app")


@pytest.mark.parametrize(
    ("guard", "later"),
    [
        ("if __name__ == '__main__':", {"a", "B", "c", "d", "e"}),
        ('if "__main__" == __name__ and True:', {"a", "B", "c", "d", "e"}),
        ("if __name__ in {'__main__'}:", {"a", "B", "c", "d", "e"}),
        ("if __name__ != '__main__':", {"e"}),
        ("if name == '__main__':", {"e"}),
    ],
)
def test_what_is_under_a_guard_is_known(guard: str, later: set[str]) -> None:
    lines = (
        *("def set_it():", "    global e", "    x = 1", guard),
        *("    a = 1", "    class B: pass", "    import c.x, y as d"),
    )
    assert set(_later(ast.parse("\n".join(lines)))) == later
