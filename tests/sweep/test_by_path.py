"""Sweeps with samplers and pruners that the configuration names by dotted path."""

import shutil
from pathlib import Path

from besom.tracking import schema
from tests.conftest import Command
from tests.search.algorithms import own
from tests.sweep.apps import audit, run

SAMPLER, PRUNER = "hydra.sweeper.sampler", "hydra.sweeper.pruner"


def test_ones_own_sampler_lies_in_the_working_folder_and_goes_on(root: Path) -> None:
    """The pruner is one of Optuna's that wraps another pruner."""
    shutil.copy(own.__file__, root.parent / "my_sampler.py")
    words = (
        *("x=interval(-2,2)", "hydra.sweeper.objective=loss"),
        *(f"{SAMPLER}._target_=my_sampler.Middle", f"{SAMPLER}.width=0.1", f"{SAMPLER}.seed=3"),
        *(f"{PRUNER}._target_=optuna.pruners.PatientPruner", f"{PRUNER}.patience=0"),
        f"{PRUNER}.wrapped_pruner={{_target_:optuna.pruners.PercentilePruner,percentile:1.0,"
        "n_startup_trials:1}",
    )
    for n_trials in (3, 6):
        done = run("stepping", *words, f"hydra.sweeper.n_trials={n_trials}", folder=root.parent)
        assert done.returncode == 0, done.stderr
    found = audit(root, "stepping")
    drawn = [trial.params["x"] for trial in found.trials[1:]]
    assert len(set(drawn)) == 5 and all(-0.2 <= x <= 0.2 for x in drawn)
    misspelled = run("stepping", *words, f"{SAMPLER}.widht=1", folder=root.parent)
    assert (misspelled.returncode, misspelled.stdout) == (2, "")
    assert misspelled.stderr.endswith(
        "my_sampler.Middle has no such keyword; did you mean `width`?\n"
    )


def test_a_sampler_that_raises_ends_the_sweep_in_its_own_name(root: Path, besom: Command) -> None:
    shutil.copy(own.__file__, root.parent / "my_sampler.py")
    words = ("x=interval(-2,2)", "hydra.sweeper.objective=loss", "hydra.sweeper.n_trials=6")
    mine = (f"{SAMPLER}._target_=my_sampler.Failing", f"{SAMPLER}.method=sample_relative")
    done = run("stepping", *words, *mine, folder=root.parent)
    named = f"{SAMPLER}._target_=my_sampler.Failing: KeyError: 'no arms'"
    assert done.returncode == 2
    *frames, said, remedy = done.stderr.splitlines()
    assert (said, remedy) == (f"besom: {named}", "Correct it; the same command resumes the sweep.")
    assert frames[0].startswith("Traceback") and frames[-1] == "KeyError: 'no arms'"
    assert "my_sampler.py" in frames[1] and not [line for line in frames if "besom" in line]
    found = audit(root, "stepping")
    (own_run,) = (tags for tags in found.tags.values() if tags[schema.ROLE] == schema.Role.SWEEP)
    assert own_run[schema.ENDED_BY] == named
    status = besom("status", "stepping", "--root", str(root)).out
    assert status.startswith(f"stepping is not being swept; its last sweep was ended by {named}\n")
    done = run("stepping", *words, folder=root.parent)
    assert done.returncode == 0, done.stderr
    assert audit(root, "stepping").states().total() == 6


def test_a_sampler_that_stops_the_study_is_said_to_have_ended_it(root: Path) -> None:
    shutil.copy(own.__file__, root.parent / "my_sampler.py")
    words = ("x=interval(-2,2)", "hydra.sweeper.objective=loss", "hydra.sweeper.n_trials=6")
    mine = (f"{SAMPLER}._target_=my_sampler.Middle", f"{SAMPLER}.width=0.1", f"{SAMPLER}.enough=2")
    done = run("stepping", *words, *mine, folder=root.parent)
    assert done.returncode == 0, done.stderr
    ended_by = f"{SAMPLER}._target_=my_sampler.Middle: it has called study.stop()"
    assert f"\nEnded by {ended_by}.\n" in done.stdout
    found = audit(root, "stepping")
    assert found.states() == {"COMPLETE": 2}
    (own_run,) = (tags for tags in found.tags.values() if tags[schema.ROLE] == schema.Role.SWEEP)
    assert own_run[schema.ENDED_BY] == ended_by


def test_bruteforce_ends_the_sweep_when_all_points_are_had(root: Path) -> None:
    words = ("hydra/sweeper/sampler=bruteforce", "x=choice(-1.0,0.5,1.0)", "y=choice(0.0,1.0)")
    more = ("hydra.sweeper.objective=loss", "hydra.sweeper.n_trials=50", "hydra.sweeper.n_jobs=3")
    for n_begun in ("", "6 of 50 trials ended"):
        done = run("stepping", *words, *more, folder=root.parent)
        assert done.returncode == 0, done.stderr
        assert n_begun in done.stdout and "still to be done" not in done.stdout
        said = "Ended by hydra/sweeper/sampler=bruteforce: each point has been tried.\n"
        assert said in done.stdout
    found = audit(root, "stepping")
    assert len({(t.params["x"], t.params["y"]) for t in found.trials}) == len(found.trials) == 6
