"""A trial that damages its process or its worker's pipe does not affect later trials."""

from pathlib import Path

from tests.sweep.apps import audit, run

HARMLESS = "close_output,leave,swap_streams,recursion,limit,clear,signals,environment,fork,none"
HARMFUL = "nameless,keyboard,interrupted,full,rubbish,for_good"


def test_a_trial_spoils_none_of_those_after_it(root: Path) -> None:
    done = run(
        "spoiling",
        *(f"how=choice({HARMLESS},{HARMFUL})", "hydra/sweeper/sampler=grid"),
        *("hydra.sweeper.n_trials=21", "hydra.sweeper.n_jobs=1"),
        *("hydra.sweeper.max_failure_rate=1", "hydra.sweeper.max_attempts=2"),
        folder=root.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = audit(root, "spoiling")
    ended = {trial.params["how"]: trial for trial in found.trials}
    errors = {how: trial.user_attrs.get("besom.error") for how, trial in ended.items()}
    assert [errors[how] for how in [*HARMLESS.split(","), "for_good"]] == [None] * 11, errors
    assert errors["nameless"] == "Nameless" and errors["keyboard"] == "KeyboardInterrupt"
    twice = ", in each of 2 attempts"
    assert errors["interrupted"] == f"its task raised besom.Interrupted by itself{twice}"
    assert errors["full"] == (
        f"its task stopped: /dev/full cannot be written: No space left on device{twice}"
    )
    assert errors["rubbish"] == (
        f"its worker wrote something else than messages to its pipe{twice}"
    )
    # Only what cannot be undone costs a process: rubbish in two attempts, for_good in one.
    workers = {trial.value for trial in found.trials if trial.value is not None}
    assert len(workers) <= 4
    log = "".join(path.read_text() for path in root.parent.glob("multirun/*/*/workers/*.log"))
    assert log  # it was opened again
