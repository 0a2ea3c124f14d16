"""Warm start: a sweep imports trials of other studies once, and counts none as its own."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from besom.app.hooks import Hooks
from besom.common.errors import StudyError
from besom.common.states import State
from besom.search.algorithms.options import (
    BruteForceSampler,
    CmaesSampler,
    GridSampler,
    HyperbandPruner,
    MedianPruner,
    TpeSampler,
)
from besom.search.algorithms.samplers import make_sampler
from besom.search.constraints import Constraints
from besom.search.space.grammar import read_space
from besom.search.storage.database import memory_study
from besom.search.trial_row import IMPORTED
from besom.search.warm_start.imported_trials import best_points, bring_in, imported
from besom.search.warm_start.trials import SourceTrial, Transferred, WarmStart
from besom.sweep.identity.fingerprint import fingerprint, hold_to, other_configurations, sentences
from besom.sweep.plan import Plan
from besom.workers.messages import Outcome, Reported
from tests.sweep.apps import run
from tests.sweep.conftest import Bench

X = FloatDistribution(-1, 1)


def known(*trials: tuple[float, float], code: str = "") -> WarmStart:
    """Return a warm start from a study `wide` with one trial per pair of x and loss."""
    sources = [
        SourceTrial(number, {"x": x}, (loss,), code=code) for number, (x, loss) in enumerate(trials)
    ]
    return WarmStart(["wide"], [Transferred("wide", one, one.params, {"x": X}) for one in sources])


def test_they_are_there_once_and_are_nobodys(bench: Bench) -> None:
    given = known((0.125, -9.0), (0.75, 0.5))
    for _ in range(2):
        bring_in(bench.study(), given)
    study, pool = bench.sweep(n_trials=2)
    assert [trial.number for trial in imported(study)] == [1, 2]
    assert [row.number for row in study.rows()] == [0, 3]  # the baseline was enqueued before
    assert [assignment.trial for assignment in pool.assigned] == [0, 3]
    assert study.best()[0].values[0] >= 0
    assert imported(study)[0].user_attrs[IMPORTED]["study"] == "wide"


def test_the_best_are_tried_first_each_once(bench: Bench) -> None:
    given = known((0.75, 3.0), (0.25, 1.0), (0.5, 0.0), (-0.25, 2.0))
    bring_in(bench.study(), given)
    best = WarmStart(["wide"], n_best=2)
    bench.sweep(n_trials=1, warm_start=best)
    study, _ = bench.sweep(n_trials=4, warm_start=best)
    # The best of all is the baseline's point, which is tried anyway.
    assert [row.params["x"] for row in study.rows()][:3] == [0.5, 0.25, -0.25]


def test_the_header_counts_those_that_will_be_tried() -> None:
    """No repeats, not the baseline, no pruned or infeasible ones; at most as many as asked for."""
    given = known((0.5, 0.0), (0.25, 1.0), (0.25, 2.0), (-0.25, 3.0), (0.75, 4.0))
    pruned = Transferred("wide", SourceTrial(9, {}, (), (1, 0.0)), {"x": -1.0}, {"x": X})
    large = SourceTrial(10, {}, (0.0,), measured={"size": 9.0})
    trials = [*given.trials, pruned, Transferred("wide", large, {"x": 1.0}, {"x": X})]
    small, baseline = Constraints.read({"size": "<= 2"}), {"x": 0.5}
    counts = [WarmStart(["wide"], trials, n).n_first(small, baseline) for n in (0, 2, 5)]
    assert counts == [0, 2, 3]
    assert WarmStart(["wide"], n_best=5).n_first(small, baseline) is None


def test_what_they_violate_is_known_and_what_is_not_known_is_no_violation(bench: Bench) -> None:
    measured = ({"size": 9.0}, {"size": 1.0}, {})
    sources = [
        SourceTrial(n, {"x": n / 4}, (float(n),), measured=known)
        for n, known in enumerate(measured)
    ]
    given = [Transferred("wide", one, one.params, {"x": X}) for one in sources]
    bring_in(bench.study(), WarmStart(["wide"], given))
    study = bench.study()
    study.constrain(Constraints.read({"size": "<= 2"}))
    assert [max(trial.constraints.values()) > 0 for trial in imported(study)] == [
        True,
        False,
        False,
    ]
    assert best_points(study, 2, None) == [{"x": 0.25}, {"x": 0.5}]
    study.constrain(Constraints.read({"size": "<= 20"}))
    assert best_points(study, 1, None) == [{"x": 0.0}]


def test_what_their_own_study_forbids_is_not_among_the_best(bench: Bench) -> None:
    sources = [SourceTrial(n, {"x": n / 4}, (float(n),), is_infeasible=n == 0) for n in range(3)]
    given = [Transferred("wide", one, one.params, {"x": X}) for one in sources]
    first = WarmStart(["wide"], given, n_best=3)
    assert first.n_first(Constraints(), None) == 2
    bring_in(bench.study(), first)
    study = bench.study()
    assert best_points(study, 3, None) == [{"x": 0.25}, {"x": 0.5}]
    plane = read_space({}, ["x=interval(-1,1)", "y=interval(-1,1)"], loader=None).dimensions
    for trial in (trials := imported(study)):
        trial.params["y"] = 0.0
    sampler: Any = make_sampler(CmaesSampler(), plane, 0, trials)
    assert {trial.value for trial in sampler._sampler._source_trials} == {1.0, 2.0}


def test_a_kill_while_they_are_taken_over_loses_and_doubles_none(bench: Bench) -> None:
    bench.study()
    storage = f"sqlite:///{bench.root}/optuna.db"
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_THE_THIRD, storage])
    assert killed.returncode == -signal.SIGKILL
    study = bench.study()
    assert imported(study) == [] and study.recall("warm_start") is None
    for _ in range(2):
        study = bench.study()
        bring_in(study, known(*((x / 10, float(x)) for x in range(5))))
    assert [trial.params["x"] for trial in imported(study)] == [0.0, 0.1, 0.2, 0.3, 0.4]


KILLED_AT_THE_THIRD = """
import os, signal, sys
from optuna.distributions import FloatDistribution
from besom.search.storage.database import open_study
from besom.search.warm_start import imported_trials
from besom.search.warm_start.trials import SourceTrial, Transferred, WarmStart

def killed(one, make=imported_trials._as_optunas):
    if one.trial.number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return make(one)

imported_trials._as_optunas = killed
X = FloatDistribution(-1, 1)
found = [SourceTrial(n, {"x": n / 10}, (float(n),)) for n in range(5)]
given = [Transferred("wide", one, one.params, {"x": X}) for one in found]
study = open_study("bench", sys.argv[1], ("minimize",))
imported_trials.bring_in(study, WarmStart(["wide"], given))
"""


def test_a_repeat_of_theirs_is_trained_all_the_same(bench: Bench) -> None:
    bring_in(bench.study(), known((0.25, -9.0)))
    study, pool = bench.sweep(n_trials=2, warm_start=WarmStart(["wide"], n_best=1))
    assert len(pool.assigned) == 2
    assert [row.values for row in study.rows()] == [(0.25,), (0.0625,)]


@pytest.mark.parametrize(
    "pruner", [MedianPruner(n_startup_trials=2), HyperbandPruner(max_resource="auto")]
)
def test_no_pruner_takes_them_for_trials_of_this_study(bench: Bench, pruner: Any) -> None:
    """Startup trials are this study's own: imported trials count for no pruner."""
    bring_in(bench.study(), known(*((x / 10, 0.0) for x in range(-9, 10))))

    def reports(assignment: Any) -> Any:
        for step in (1, 2, 3):
            yield Reported(step, {"loss": float(assignment.trial)})
        yield Outcome(State.COMPLETE, {"loss": 1.0}, seconds=0.1)

    study, pool = bench.sweep(reports, n_trials=2, n_jobs=1, pruner=pruner)
    assert [row.state for row in study.rows()] == ["complete", "complete"]
    assert {reply.name for reply in pool.replies} == {"CONTINUE"}


def test_the_sampler_models_them_from_the_first_proposal_on(bench: Bench) -> None:
    good = [(0.9 + x / 1000, 0.0) for x in range(10)]
    bad = [(x / 50, 5.0) for x in range(-50, 20)]
    bring_in(bench.study(), known(*good, *bad))
    study, _ = bench.sweep(n_trials=9, sampler=TpeSampler(seed=1))
    proposed = [row.params["x"] for row in study.rows()][1:]
    assert sum(x > 0.6 for x in proposed) > len(proposed) / 2


@pytest.mark.parametrize("sampler", [GridSampler(), BruteForceSampler()])
def test_a_sampler_of_all_points_tries_those_that_they_had(bench: Bench, sampler: Any) -> None:
    options: dict[str, Any] = {"space": "x=choice(0.25,0.5)", "sampler": sampler}
    choice = CategoricalDistribution((0.25, 0.5))
    theirs = Transferred("wide", SourceTrial(0, {}, (1.0,)), {"x": 0.25}, {"x": choice})
    bring_in(bench.study(**options), WarmStart(["wide"], [theirs]))
    study, _ = bench.sweep(n_trials=5, **options)
    assert sorted(row.params["x"] for row in study.rows()) == [0.25, 0.5]


def test_no_front_is_behind_theirs() -> None:
    study = memory_study(["minimize", "minimize"])
    source = SourceTrial(0, {"x": 0}, (-9.0, -9.0))
    bring_in(study, WarmStart(["wide"], [Transferred("wide", source, {"x": 0.0}, {"x": X})]))
    for values in ((1, 2), (2, 1), (3, 3)):
        row = study.ask({"x": X})
        study.tell(row.number, State.COMPLETE, values)
    assert [row.values for row in study.best()] == [(1, 2), (2, 1)]


def test_the_fingerprint_names_the_studies(bench: Bench) -> None:
    facts = fingerprint(bench.plan(warm_start=known((0.25, 1.0))))
    assert facts["warm start"] == "wide"
    assert "warm start" not in fingerprint(bench.plan())
    study = bench.study()
    hold_to(study, facts)
    bench.sweep(n_trials=1)
    with pytest.raises(StudyError, match="warm start: wide → absent"):
        hold_to(bench.study(), fingerprint(bench.plan()))


def test_what_other_code_has_made_is_said(bench: Bench) -> None:
    """Such trials are imported nonetheless, as the user asked."""
    bring_in(bench.study(), known((0.25, 1.0), (0.75, 1.0), code="1" * 64))
    study, _ = bench.sweep(n_trials=1)
    (line,) = sentences(bench.plan(), study)
    assert line.startswith("2 of the trials that the sampler learns from were made by other")
    assert len(imported(study)) == 2


def test_what_was_fixed_otherwise_is_said(bench: Bench) -> None:
    """Searched keys, places and equal values are left out."""
    plan = bench.plan(warm_start=known((0.25, 1.0)), hooks=Hooks(places=("data.path",)))
    fixed = {"epochs": 1, "seed": 0, "y": 1, "data": {"path": "a", "size": 9}, "kind": "plain"}
    plan = replace(plan, baseline=OmegaConf.create({"x": 0.5} | fixed))
    same = fingerprint(plan)
    assert not [*other_configurations(with_facts(plan, same))]
    other = {"epochs": "3", "data.path": '"b"', "data.size": "8", "old": "1", "x": "0.75"}
    facts = same | {f"configuration, {key}": value for key, value in other.items()}
    (line,) = other_configurations(with_facts(plan, facts))
    assert line == (
        "The trials of wide were made with another configuration: epochs 3 (here 1), "
        "data.size 8 (here 9), old 1 (here absent)."
    )
    more = facts | {"configuration, kind": '"shifted"', "identity of data": "1"}
    (line,) = other_configurations(with_facts(plan, more))
    assert line.endswith('data.size 8 (here 9), kind "shifted" (here "plain") and 2 more.')


def with_facts(plan: Plan, facts: dict[str, str]) -> Plan:
    return replace(plan, warm_start=replace(plan.warm_start, facts={"wide": facts}))


def test_a_sweep_from_the_command_line(root: Path) -> None:
    """Sources are a Besom and an Optuna study; a resume, with one gone, imports nothing more."""
    other = optuna.create_study(study_name="wide", storage=f"sqlite:///{root.parent}/other.db")
    xs = {"x": FloatDistribution(-9, 9)}
    for x in (0.5, 7.0):
        other.add_trial(create_trial(params={"x": x}, distributions=xs, value=x * x))
    space = ("x=interval(-2,2)", "hydra.sweeper.n_trials=2")
    first = run("quadratic", *space, "hydra.sweeper.study_name=first", folder=root.parent)
    assert first.returncode == 0, first.stderr
    sources = "hydra.sweeper.warm_start=[first,'sqlite:///other.db#wide']"
    arguments = (
        *space,
        "y=interval(-1,1)",
        "kind=shifted",
        sources,
        "hydra.sweeper.enqueue=best 9",
    )
    dry = run("quadratic", *arguments, "hydra.sweeper.dry_run=true", folder=root.parent)
    assert "y=1  (enqueued)" in dry.stdout.replace("1.0", "1"), dry.stdout + dry.stderr
    done = run("quadratic", *arguments, folder=root.parent)
    assert done.returncode == 0, done.stderr
    assert "2 by tpe, the best 2 of others enqueued;" in done.stdout
    fixed = 'of first were made with another configuration: kind "plain" (here "shifted").'
    assert fixed in done.stdout and fixed in dry.stdout
    assert "learns from the 2 finished trials of first." in done.stdout
    assert "learns from 1 of the 2 finished trials of sqlite:///other.db#wide;" in done.stdout
    (root.parent / "other.db").unlink()
    arguments = (*arguments[:1], "hydra.sweeper.n_trials=3", *arguments[2:])
    again = run("quadratic", *arguments, folder=root.parent)
    assert again.returncode == 0, again.stderr
    study = optuna.load_study(study_name="quadratic", storage=f"sqlite:///{root}/optuna.db")
    taken = [trial for trial in study.trials if IMPORTED in trial.user_attrs]
    assert len(taken) == 3 and len(study.trials) == 6
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)
