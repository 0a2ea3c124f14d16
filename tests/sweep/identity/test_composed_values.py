"""Trials with equal points but different configurations do not share their values."""

import json
from pathlib import Path

import pytest

from tests import warm
from tests.sweep.apps import Audit, audit

MAIN = """\
import hydra


@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(config):
    return config.x + config.bias + config.opt.rate


main()
"""
CONFIG = """\
defaults: [{opt: sgd}, _self_]
x: 1
bias: ${oc.decode:${oc.env:BIAS,0}}
out: ${hydra:runtime.output_dir}
kept: ${out}/kept
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf/opt").mkdir(parents=True)
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "conf/config.yaml").write_text(CONFIG)
    (tmp_path / "conf/opt/sgd.yaml").write_text("rate: 0\n")
    (tmp_path / "conf/opt/adam.yaml").write_text("rate: 10\n")
    return tmp_path


def sweep(folder: Path, n_trials: int, *words: str, code: int = 0) -> str:
    always = ("hydra/sweeper=besom", "hydra/sweeper/sampler=random", "hydra.sweeper.n_jobs=1")
    fixed = ("hydra.sweeper.study_name=s", f"hydra.sweeper.n_trials={n_trials}")
    done = warm.run(["main.py", "-m", *always, *fixed, *words], folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def values(folder: Path) -> dict[int, tuple[dict[str, object], float]]:
    found: Audit = audit(folder / "mlruns", "s")
    return {trial.number: (trial.params, trial.value) for trial in found.trials}


def test_what_the_environment_says_otherwise_is_said_and_its_values_are_not_reused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "gives other values" not in sweep(folder, 3, "x=choice(1,2)")
    assert "gives other values" not in sweep(folder, 4, "x=choice(1,2)")
    monkeypatch.setenv("BIAS", "50")
    assert "was begun (bias: 0 → 50)" in sweep(folder, 8, "x=choice(1,2)")
    for number, (params, value) in values(folder).items():
        assert value == params["x"] + (50 if number > 3 else 0), number


def test_another_expression_is_another_study(folder: Path) -> None:
    file = folder / "conf/config.yaml"
    sweep(folder, 2, "x=choice(1,2)")
    for written in ("${oc.decode:${oc.env:BIAS,5}}", "0"):
        file.write_text(CONFIG.replace("${oc.decode:${oc.env:BIAS,0}}", written))
        assert "begun with something else (configuration, bias: " in sweep(
            folder, 4, "x=choice(1,2)", code=2
        )


def test_what_is_another_at_each_reading_is_said_of_no_study(folder: Path) -> None:
    """A resolver with a new value at each call ends no resume; repeated points are trained."""
    text = MAIN.replace("import hydra", "import hydra, uuid\nfrom omegaconf import OmegaConf")
    text = text.replace("@hydra", "OmegaConf.register_new_resolver('new', uuid.uuid4)\n\n\n@hydra")
    (folder / "main.py").write_text(text.replace("uuid.uuid4", "lambda: str(uuid.uuid4())"))
    for n_trials in (3, 5):
        assert "gives other values" not in sweep(folder, n_trials, "x=choice(1,2)", "+id='${new:}'")
    assert "same as" not in sweep(folder, 8, "x=choice(1,2)", "+id='${new:}'")


def test_what_is_composed_on_the_way_leaves_what_the_data_are_known_by(folder: Path) -> None:
    """``${hydra:…}`` reads the configuration composed last, which must be the baseline's here."""
    hooks = "besom.Hooks(identity=lambda config: {'data': config.data})"
    text = MAIN.replace("import hydra", "import besom\nimport hydra")
    text = text.replace("def main", f"@besom.hooked({hooks})\ndef main")
    (folder / "main.py").write_text(text)
    data = "+data='${hydra:runtime.choices.opt}'"
    for n_trials in (4, 8):
        sweep(folder, n_trials, "opt=choice(sgd,adam)", "x=choice(1,2)", data)
    assert len(values(folder)) == 8


def test_a_value_that_each_job_has_of_its_own_is_not_taken_over(folder: Path) -> None:
    sweep(folder, 5, "x=choice(1,2)", "bias='${hydra:job.num}'")
    for number, (params, value) in values(folder).items():
        assert value == params["x"] + number


def test_an_option_that_says_something_else_is_another_study(folder: Path) -> None:
    space = ("opt=choice(sgd,adam)", "hydra.sweeper.enqueue=[{opt:adam}]")
    sweep(folder, 4, *space)
    assert {value for _, value in values(folder).values()} == {1, 11}
    (folder / "conf/opt/adam.yaml").write_text("rate: 20\n")
    said = sweep(folder, 6, *space, code=2)
    assert "begun with something else (opt=adam, opt.rate: 10 → 20)." in said
    (folder / "conf/opt/adam.yaml").write_text("rate: 10\n")
    sweep(folder, 6, *space)
    assert {value for _, value in values(folder).values()} == {1, 11}


def test_an_option_that_changes_while_the_sweep_runs_ends_it(folder: Path) -> None:
    """A worker reads option files as it starts; here another one starts after the change."""
    file = folder / "conf/opt/adam.yaml"
    text = MAIN.replace(
        "    return",
        "    if config.x == 2 and config.opt.rate == 10:\n"
        f"        open({str(file)!r}, 'w').write('rate: 20')\n"
        "        import os; os._exit(1)\n"
        "    return",
    )
    (folder / "main.py").write_text(text)
    points = "hydra.sweeper.enqueue=[{opt:adam,x:1},{opt:adam,x:2}]"
    said = sweep(folder, 4, "opt=choice(sgd,adam)", "x=choice(1,2)", points, code=2)
    assert "has changed while it ran (opt=adam, opt.rate: 10 → 20)" in said
    assert {value for _, value in values(folder).values()} <= {1, 2, 11, None}


def test_what_only_some_trials_propose_is_no_change_of_their_option(folder: Path) -> None:
    (folder / "space.py").write_text(
        "def suggest(config, trial):\n"
        "    if trial.number % 3:\n"
        "        trial.suggest_float('opt.rate', 5, 6)\n"
    )
    space = ("hydra.sweeper.custom_search_space=space.suggest", "opt=choice(sgd,adam)")
    for n_trials in (6, 9):
        sweep(folder, n_trials, *space)
    assert len(values(folder)) == 9


def test_trials_that_would_share_a_folder_are_refused(folder: Path) -> None:
    space = ("x=choice(1,2)", "opt=choice(sgd,adam)")
    two = "hydra.sweeper.n_jobs=2"
    said = sweep(folder, 2, *space, two, "hydra.sweep.subdir=x${x}", code=2)
    assert "hydra.sweep.subdir=x${x}: trials that differ in opt would share" in said
    for ok in ("x${x}-${opt.rate}", "${hydra.job.override_dirname}", "x${x}/${hydra:job.num}"):
        sweep(folder, 2, *space, two, f"hydra.sweep.subdir='{ok}'", "hydra.sweeper.dry_run=true")
    sweep(folder, 2, *space, "hydra.sweep.subdir=x${x}")  # jobs in turn may share it, as in Hydra


def test_a_second_worker_is_refused_that_would_share_a_folder(folder: Path) -> None:
    asks = """\
    from pathlib import Path
    place = Path("mlruns", "steering", "s")
    said = {"id": "1", "kind": "set", "to": "", "arguments": {"n_jobs": 2}}
    (place / "1.request").write_text(json.dumps(said))
    while not (found := [*place.glob("*.answer")]):
        time.sleep(0.05)
    Path("answer.txt").write_text(found[0].read_text())
"""
    text = "import json, time\n" + MAIN.replace("    return", f"{asks}    return")
    (folder / "main.py").write_text(text)
    sweep(folder, 1, "x=choice(1,2)", "hydra.sweep.subdir=same")
    answer = json.loads((folder / "answer.txt").read_text())
    assert not answer["is_applied"] and "trials that differ in x would share" in answer["text"]
