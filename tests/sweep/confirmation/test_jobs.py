"""Confirmation of the finalists on fresh seeds: training, worker deaths, resumes and verdicts."""

import json
import math
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from omegaconf import OmegaConf
from rich.console import Console

from besom.app.config_paths import conf_folder
from besom.app.source import Source
from besom.common.errors import ConfigError
from besom.common.states import State
from besom.search.objective import read_objective
from besom.search.options import ConfirmOptions
from besom.search.space.grammar import read_space
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.confirmation import seeds
from besom.sweep.confirmation.jobs import last_attempts
from besom.sweep.confirmation.run import finalists
from besom.sweep.summary import note, print_summary
from besom.tracking import schema
from besom.tracking.record import connect
from besom.workers.messages import (
    Assignment,
    Composed,
    FromWorker,
    Outcome,
    Reported,
    ReportReply,
    WorkerExited,
)
from tests.sweep.conftest import Bench, Driver, Script, ScriptedPool

BEGUN = Composed({"x": 1.0}, "x: 1.0\n", ("x=1.0",), Path("job"))
SEED_NOISE = 1e-6
NO_CONSTRAINTS: Mapping[str, str] = {}


def seed_of(assignment: Assignment) -> int | None:
    """Return the seed of a confirmation's assignment; None for a trial's."""
    words = dict(word.split("=", 1) for word in assignment.overrides)
    return int(words["seed"]) if "seed" in words else None


def noisy(assignment: Assignment) -> Iterator[FromWorker]:
    """Complete with x² as the loss, shifted slightly by trial and seed."""
    words = dict(word.split("=", 1) for word in assignment.overrides)
    moved = SEED_NOISE * ((7 * (seed_of(assignment) or 0) + 3 * assignment.trial) % 5)
    yield BEGUN
    yield Outcome(State.COMPLETE, {"loss": float(words["x"]) ** 2 + moved}, 0.1)


def confirming(
    bench: Bench,
    script: Script = noisy,
    n_trials: int = 6,
    code: str = "0" * 64,
    constraints: Mapping[str, str] = NO_CONSTRAINTS,
    **options: Any,
) -> tuple[Driver, ScriptedPool, str]:
    """Run a sweep and its confirmation; return the driver, the pool and the verdict."""
    confirm = ConfirmOptions(**({"top_k": 2, "seeds": 3} | options))
    driver, _, pool = bench.driver(
        script, n_trials=n_trials, code=code, confirm=confirm, constraints=dict(constraints)
    )
    driver.run()
    verdict = driver.confirm()
    bench.record.flush()
    return driver, pool, verdict


def confirmations(pool: ScriptedPool) -> Counter[tuple[int, int | None]]:
    return Counter((a.trial, seed_of(a)) for a in pool.assigned if seed_of(a) is not None)


def parent(driver: Driver, bench: Bench) -> Any:
    return MlflowClient(bench.record.uri).get_run(driver.sweep.parent_run)


@pytest.fixture(scope="module")
def six_trials(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a sweep of six trials that is not confirmed yet."""
    root = tmp_path_factory.mktemp("six") / "mlruns"
    root.mkdir()
    shutil.copy(empty_database, root / "mlflow.db")
    with connect(root, None, "test") as record:
        Bench(root, record).sweep(noisy, n_trials=6)
    return root


@pytest.fixture
def swept(six_trials: Path, tmp_path: Path) -> Iterator[Bench]:
    """Yield a bench on a copy of ``six_trials``, one per test."""
    root = shutil.copytree(six_trials, tmp_path / "mlruns")
    with connect(root, None, "test") as record:
        yield Bench(root, record)


def test_the_baseline_and_the_best_are_trained_on_the_same_fresh_seeds(swept: Bench) -> None:
    """Each has a finished run, which is no trial; the verdict's values are those of the runs."""
    driver, pool, sentence = confirming(swept)
    rows = driver.sweep.study.rows()
    best = sorted(rows[1:], key=lambda row: row.values)[:2]
    expected = {(number, seed) for number in (0, *(r.number for r in best)) for seed in (1, 2, 3)}
    assert confirmations(pool) == dict.fromkeys(expected, 1)
    assert len(rows) == 6  # confirmations are not trials of it

    runs = swept.record.runs({schema.ROLE: "confirmation"})
    assert len(runs) == 9
    assert {run.status for run in runs} == {"FINISHED"}
    assert {run.tags[schema.PARENT] for run in runs} == {driver.sweep.parent_run}
    assert not any(schema.TRIAL in run.tags for run in runs)

    tags = parent(driver, swept).data.tags
    assert tags[schema.VERDICT] == sentence
    assert sentence.startswith("Trial ") and "beats the baseline" in sentence
    client = MlflowClient(swept.record.uri)
    file = client.download_artifacts(driver.sweep.parent_run, schema.VERDICT_FILE)
    document = json.loads(Path(file).read_text())
    assert tags[schema.WINNER] == str(document["winner"]) == str(document["challenger"])
    assert tags[schema.BEATS] == "true"
    for run in runs:
        place = int(run.tags[schema.CONFIRMS]), int(run.tags[schema.SEED])
        assert last_attempts(driver.sweep)[place].notes["run_id"] == run.run_id
        value = document["values"][str(place[0])][document["seeds"].index(place[1])]
        assert swept.metrics(run.run_id)["loss"] == value


def test_what_is_confirmed_is_never_trained_again_and_its_verdict_stays(swept: Bench) -> None:
    driver, _, sentence = confirming(swept)
    assert parent(driver, swept).data.tags[schema.VERDICT_TRIALS] == "6"
    _, pool, second = confirming(swept)
    assert pool.assigned == [] and pool.started == []
    assert second == sentence
    driver, _, none = confirming(swept, metric="absent")
    text = note(driver.sweep.plan, driver.sweep.study, none)
    assert text.index("No verdict") < text.index(f"An earlier confirmation found: {sentence}")
    _, pool, sentence = confirming(swept, seeds=4)
    assert {seed for _, seed in confirmations(pool)} == {4}

    larger, study, _ = swept.driver(noisy, n_trials=9)
    plan = larger.sweep.plan
    assert sentence not in note(plan, study, sentence).replace(f"**{sentence}**", "")
    larger.run()
    text = note(plan, study)
    assert f"An earlier confirmation found: {sentence} It was reached after 6 of 9 trials" in text
    printed = StringIO()
    print_summary(plan, study, [], Console(file=printed, width=500))
    assert "reached after 6 of 9 trials; judge anew" in printed.getvalue()


def test_an_interrupted_confirmation_goes_on(swept: Bench) -> None:
    drivers: list[Driver] = []

    def stops(assignment: Assignment) -> Iterator[FromWorker]:
        if seed_of(assignment) == 2:
            drivers[0].supervisor.stopping = True
            reply = yield Reported(1, {"loss": 1.0})
            assert reply is ReportReply.INTERRUPT
            yield Outcome(State.INTERRUPTED, {}, 0.1)
        else:
            yield from noisy(assignment)

    confirm = ConfirmOptions(top_k=2, seeds=3)
    driver, _, pool = swept.driver(stops, n_trials=6, n_jobs=1, confirm=confirm)
    drivers.append(driver)
    driver.run()
    left = "6 of 9 confirmations are still to be done; the same command resumes the sweep."
    assert driver.confirm() == f"No verdict yet: {left}"
    assert sum(confirmations(pool).values()) == 4  # three on seed 1, one interrupted on seed 2
    swept.record.flush()
    assert schema.VERDICT not in parent(driver, swept).data.tags
    driver, pool, verdict = confirming(swept)
    assert sum(confirmations(pool).values()) == 6 and verdict
    runs = swept.record.runs({schema.ROLE: "confirmation"})
    states = Counter(run.tags[schema.STATE] for run in runs)
    assert states == {"complete": 9, "interrupted": 1}


def test_a_confirmation_interrupted_as_its_last_training_ends_is_judged(swept: Bench) -> None:
    drivers: list[Driver] = []

    def stops_at_last(assignment: Assignment) -> Iterator[FromWorker]:
        drivers[0].supervisor.stopping = sum(confirmations(pool).values()) == 9
        yield from noisy(assignment)

    confirm = ConfirmOptions(top_k=2, seeds=3)
    driver, _, pool = swept.driver(stops_at_last, n_trials=6, n_jobs=1, confirm=confirm)
    drivers.append(driver)
    driver.run()
    sentence = driver.confirm()
    assert driver.supervisor.stopping and "beats the baseline" in sentence
    swept.record.flush()
    assert parent(driver, swept).data.tags[schema.VERDICT] == sentence


def test_a_dead_worker_costs_an_attempt_and_a_poison_the_candidate(swept: Bench) -> None:
    def dies(assignment: Assignment) -> Iterator[FromWorker]:
        seed = seed_of(assignment)
        once = seed == 1 and assignment.attempt == 1
        if once or (seed == 2 and assignment.trial == poisoned):
            yield BEGUN
            yield WorkerExited("was killed by SIGKILL")
        else:
            yield from noisy(assignment)

    rows = swept.sweep(noisy, n_trials=6)[0].rows()
    poisoned = min(rows[1:], key=lambda row: row.values).number
    driver, pool, sentence = confirming(swept, dies)
    counts = confirmations(pool)
    assert {counts[number, 1] for number, _ in counts} == {2}
    assert counts[poisoned, 2] == driver.sweep.plan.options.max_attempts
    known = last_attempts(driver.sweep)[poisoned, 2]
    assert known.state == "failed" and "SIGKILL" in known.notes["error"]
    assert f"Trial {poisoned} " not in sentence and "beats the baseline" in sentence
    assert sentence.endswith(f" Left out, having failed on some seed: trial {poisoned}.")


def sized(sizes: Mapping[int, float]) -> Script:
    """Report ``size``: the trial's entry, or 1; seeds 1, 2 and 3 add -1, 0 and 1 to it."""

    def script(assignment: Assignment) -> Iterator[FromWorker]:
        begun, outcome = noisy(assignment)
        yield begun
        size = sizes.get(assignment.trial, 1.0) + (seed_of(assignment) or 2) - 2
        yield Reported(1, {"loss": 1.0, "size": size})
        yield outcome

    return script


def test_a_finalist_that_is_infeasible_on_the_fresh_seeds_cannot_win(swept: Bench) -> None:
    """The mean over the seeds must be feasible, also that of a metric that is only reported."""
    rows = sorted(swept.study().rows()[1:], key=lambda row: row.values)
    best, second = (row.number for row in rows[:2])
    bound = {"size": "<= 40"}
    driver, _, sentence = confirming(swept, sized({best: 50.0, second: 40.0}), constraints=bound)
    assert sentence.startswith(f"Trial {second} beats the baseline: loss ")
    why = f"trial {best} (size 50, not <= 40)"
    assert sentence.endswith(f" Left out, infeasible on the fresh seeds: {why}.")
    assert parent(driver, swept).data.tags[schema.WINNER] == str(second)
    _, pool, sentence = confirming(swept, constraints={"size": "<= 30"})
    assert not confirmations(pool)
    assert sentence.startswith("No verdict: none of the best trials is left. Left out, infeasible ")
    both = f"{best} (size 50, not <= 30), {second} (size 40, not <= 30)"
    assert sentence.endswith(f" fresh seeds: trial {both}.")


def test_a_baseline_that_is_infeasible_on_the_fresh_seeds_cannot_win(swept: Bench) -> None:
    def worst(assignment: Assignment) -> Iterator[FromWorker]:
        begun, *_ = noisy(assignment)
        yield begun
        yield Reported(1, {"size": 50.0 if assignment.trial == 0 else 1.0})
        yield Outcome(State.COMPLETE, {"loss": assignment.trial + (seed_of(assignment) or 0)}, 0.1)

    driver, _, sentence = confirming(swept, worst, constraints={"size": "<= 40"})
    assert sentence.endswith("The baseline is infeasible (size 50, not <= 40) and cannot win.")
    assert parent(driver, swept).data.tags[schema.WINNER] != "0"


def test_a_constrained_metric_that_no_confirmation_has_is_not_held_against_it(
    swept: Bench,
) -> None:
    """Confirmations may predate the constraint; the trials themselves are judged by it."""
    _, _, sentence = confirming(swept, constraints={"size": "<= 40"})
    assert "beats the baseline" in sentence and "Left out" not in sentence


@pytest.mark.parametrize(
    ("returned", "left_out", "said"),
    [
        ({"loss": math.nan}, {}, "loss is nan"),
        ({"loss": math.inf}, {}, "loss is inf"),
        ({"acc": 0.5}, {"loss": "None"}, "loss is None, which is no number"),
    ],
)
def test_no_number_is_no_confirmation(
    swept: Bench, returned: dict[str, float], left_out: dict[str, str], said: str
) -> None:
    def breaks(assignment: Assignment) -> Iterator[FromWorker]:
        if seed_of(assignment) and assignment.trial == 0:
            yield Outcome(State.COMPLETE, returned, 0.1, left_out=left_out)
        else:
            yield from noisy(assignment)

    driver, _, sentence = confirming(swept, breaks)
    done = "No verdict: the baseline was trained to its end on 0 seeds."
    assert sentence == f"{done} The last error: {said}"
    assert schema.WINNER not in parent(driver, swept).data.tags


def test_another_metric_is_judged_in_its_own_direction(bench: Bench) -> None:
    def scores(assignment: Assignment) -> Iterator[FromWorker]:
        for message in noisy(assignment):
            if isinstance(message, Outcome):
                returned = {"loss": message.returned["loss"], "score": -message.returned["loss"]}
                message = Outcome(State.COMPLETE, returned, 0.1)
            yield message

    _, pool, sentence = confirming(bench, scores)
    assert "beats the baseline: loss " in sentence and sum(confirmations(pool).values()) == 9
    _, pool, sentence = confirming(bench, scores, metric="score", direction="maximize")
    assert "beats the baseline: score -" in sentence or "beats the baseline: score 0" in sentence
    assert not confirmations(pool)  # the earlier confirmations hold the score, too
    _, pool, sentence = confirming(bench, scores, metric="absent", seeds=5)
    assert sentence.startswith("No verdict: the task returned loss, score, but not absent; set ")
    assert not confirmations(pool)


def test_a_metric_that_is_not_returned_ends_the_confirmation_at_once(swept: Bench) -> None:
    driver, pool, sentence = confirming(swept, metric="absent")
    assert sentence.startswith("No verdict: the task returned loss, but not absent; set ")
    assert sum(confirmations(pool).values()) <= driver.sweep.plan.options.n_jobs
    _, pool, sentence = confirming(swept)
    assert "beats the baseline" in sentence  # and the runs trained before count
    assert 9 - driver.sweep.plan.options.n_jobs <= sum(confirmations(pool).values()) < 9


def test_another_setting_is_another_confirmation(swept: Bench) -> None:
    def moved(assignment: Assignment) -> Iterator[FromWorker]:
        words = dict(word.split("=", 1) for word in assignment.overrides)
        loss = float(words["x"]) ** 2 + SEED_NOISE * int(words.get("seed", 5)) ** 2
        yield Outcome(State.COMPLETE, {"loss": loss + 100 * ("+y" in words)}, 0.1)

    _, pool, first = confirming(swept, moved)
    folders = {assignment.folder for assignment in pool.assigned}
    assert len(folders) == 9
    others: list[dict[str, Any]] = [{"overrides": ["+y=1"]}, {"seed_key": "seeds.model"}]
    for other in others:
        _, pool, second = confirming(swept, moved, **other)
        assert len(pool.assigned) == 9 and second != first
        assert folders.isdisjoint(assignment.folder for assignment in pool.assigned)
    _, pool, again = confirming(swept, moved)
    assert not pool.assigned and again == first  # the first setting's are still there


def test_what_an_earlier_besom_has_kept_with_the_study_counts(swept: Bench) -> None:
    """Only complete ones that record their values and today's setting."""
    driver, _, _ = confirming(swept)
    kept = {"trial": 0, "seed": 1, "attempt": 2, "run_id": "a", "state": "complete", "value": 9.0}
    kept |= {"setting": seeds.setting(driver.sweep.plan.options.confirm), "metric": "loss"}
    kept |= {"values": {"loss": 9.0}, "deaths": 1, "error": "", "code": Source("0" * 64).text}
    study = driver.sweep.study
    study.remember("confirmation.0.1", kept)
    study.remember("confirmation.0.2", {**kept, "seed": 2, "run_id": "b", "state": "open"})
    old = {name: kept[name] for name in ("trial", "attempt", "state", "value")}
    study.remember("confirmation.0.3", {**old, "seed": 3, "run_id": "c"})
    for _ in range(2):
        driver, pool, _ = confirming(swept)
        assert not confirmations(pool)
        known = last_attempts(driver.sweep)
        losses = [known[0, seed].notes["values"]["loss"] for seed in (1, 2, 3)]
        assert losses[0] == 9 and 9 not in losses[1:]
        assert len(driver.sweep.confirmations.rows()) == 9 + 1


def test_what_has_failed_is_tried_again_by_the_next_process(swept: Bench) -> None:
    def breaks(assignment: Assignment) -> Iterator[FromWorker]:
        if seed_of(assignment) and assignment.trial == 0:
            yield Outcome(State.FAILED, {}, 0.1, "no such file: test.csv\nsecond line")
        else:
            yield from noisy(assignment)

    _, _, sentence = confirming(swept, breaks)
    assert sentence.endswith(" on 0 seeds. The last error: no such file: test.csv")
    _, pool, sentence = confirming(swept)
    assert confirmations(pool) == {(0, seed): 1 for seed in (1, 2, 3)}
    assert "beats the baseline" in sentence


def test_without_a_baseline_nothing_is_compared(swept: Bench) -> None:
    driver, _, pool = swept.driver(noisy, n_trials=3, confirm=ConfirmOptions(top_k=2, seeds=3))
    driver.run()
    driver.sweep = replace(driver.sweep, plan=replace(driver.sweep.plan, baseline_params=None))
    sentence = driver.confirm()
    assert sentence == "No verdict: a searched key has no value, so there is no baseline."
    assert not confirmations(pool)


def test_a_baseline_without_a_value_is_refused_before_the_sweep() -> None:
    seeds.check_baseline(())
    with pytest.raises(ConfigError, match="x has no value in the configuration"):
        seeds.check_baseline(("x",))


@pytest.mark.parametrize(
    ("objective", "returned", "tag"),
    [
        (None, {"loss": 1.0}, "loss"),
        (None, {"objective": 1.0}, None),
        ("loss", {"loss": 1.0}, None),
    ],
)
def test_an_objective_that_nobody_named_is_known_by_the_tasks_own_name(
    bench: Bench, objective: str | None, returned: dict[str, float], tag: str | None
) -> None:
    def returns(assignment: Assignment) -> Iterator[FromWorker]:
        yield Reported(1, {"loss": 2.0, "accuracy": 0.5})
        yield Outcome(State.COMPLETE, returned, 0.1)

    driver, _, _ = bench.driver(returns, n_trials=2, objective=objective)
    driver.run()
    bench.record.flush()
    assert parent(driver, bench).data.tags.get(schema.OBJECTIVE) == tag


def test_a_death_after_the_last_words_loses_no_confirmation(
    swept: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(study: Study, *_: object) -> None:
        raise KeyboardInterrupt  # the outcome is on disk, but not in the study

    with monkeypatch.context() as patch:
        patch.setattr(Study, "tell", die)
        with pytest.raises(KeyboardInterrupt):
            confirming(swept)
    swept.record.close()
    swept.record = connect(swept.root, None, "test")
    _, pool, _ = confirming(swept)
    assert sum(confirmations(pool).values()) == 8
    finished = swept.record.runs({schema.ROLE: "confirmation", schema.STATE: "complete"})
    assert len(finished) == 9
    assert swept.record.runs({schema.ROLE: "confirmation"}, status="RUNNING") == []


def test_nothing_is_confirmed_unless_asked_for(swept: Bench) -> None:
    _, pool, verdict = confirming(swept, top_k=0)
    assert verdict == "" and not confirmations(pool)
    names = optuna.get_all_study_names(f"sqlite:///{swept.root / 'optuna.db'}")
    assert names == ["bench"]


def test_finalists_are_distinct_and_led_by_the_baseline() -> None:
    def row(number: int, x: float, state: str = "complete", role: str = "trial") -> TrialRow:
        return TrialRow(number, {"x": x}, state, (x,), {"role": role})

    baseline = row(0, 0.5, "failed", "baseline")
    ranked = [row(4, 0.1), row(5, 0.1), row(2, 0.5), row(1, 0.7), row(3, 0.9, "pruned"), baseline]
    assert [row.number for row in finalists(ranked, 3)] == [0, 4, 1]
    assert [row.number for row in finalists(ranked, 1)] == [0, 4]
    assert finalists([baseline, row(3, 0.9, "pruned")], 3) == []
    assert finalists([row(4, 0.1)], 3) == []


@pytest.mark.parametrize(
    ("options", "config", "space", "message"),
    [
        ({"top_k": -1}, {"seed": 0}, "x=range(1,3)", "top_k=-1: must be at least 0"),
        ({"seeds": 1}, {"seed": 0}, "x=range(1,3)", "seeds=1: must be at least 2"),
        ({}, {"x": 1}, "x=range(1,3)", "seed_key=seed: the configuration has no such key"),
        ({}, {"seed": 0}, "seed=range(1,3)", "seed_key=seed is searched itself"),
        ({"direction": "up"}, {"seed": 0}, "x=range(1,3)", "direction=up: take minimize"),
        ({"metric": "score"}, {"seed": 0}, "x=range(1,3)", r"metric=score: .*confirm\.direction="),
    ],
)
def test_what_cannot_be_confirmed_is_refused(
    options: dict[str, Any], config: dict[str, Any], space: str, message: str
) -> None:
    given = ConfirmOptions(**({"top_k": 3} | options))
    with pytest.raises(ConfigError, match=message):
        seeds.check(
            given,
            read_objective("loss", "minimize"),
            read_space({}, [space], loader=None),
            OmegaConf.create(config),
        )


@pytest.mark.parametrize(
    ("metric", "direction", "found"),
    [
        (None, None, "minimize"),
        ("loss", None, "minimize"),
        ("loss", "maximize", "minimize"),  # as in conf/sweep.yaml, for another metric
        ("score", "maximize", "maximize"),
    ],
)
def test_the_objective_is_judged_in_its_own_direction(
    metric: str | None, direction: str | None, found: str
) -> None:
    options = ConfirmOptions(top_k=1, metric=metric, direction=direction)
    objective = read_objective("loss", "minimize")
    seeds.check(
        options, objective, read_space({}, ["x=range(1,3)"], None), OmegaConf.create({"seed": 0})
    )
    assert seeds.direction_of(options, objective) == found


def test_more_accuracy_is_better_in_the_workloads_verdict_whatever_the_objective() -> None:
    given: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / "sweep.yaml"))
    options = ConfirmOptions(**given["hydra"]["sweeper"]["confirm"])
    assert seeds.direction_of(options, read_objective("val_loss", "minimize")) == "maximize"


def test_seeds_follow_the_trials_own() -> None:
    options = ConfirmOptions(top_k=1, seeds=3)
    assert seeds.seeds(options, OmegaConf.create({"seed": 41})) == [42, 43, 44]
    assert seeds.seeds(options, OmegaConf.create({"seed": None})) == [1, 2, 3]
    assert seeds.seeds(options, OmegaConf.create({"seed": "3"})) == [4, 5, 6]  # ${oc.env:SEED}


def test_seeds_that_trials_have_by_a_resolver_are_not_fresh(bench: Bench) -> None:
    """With ``seed: ${hydra:job.num}`` each trial has another seed; fresh ones follow them all."""

    def numbered(assignment: Assignment) -> Iterator[FromWorker]:
        seed = seed_of(assignment)
        params = {"x": 1.0, "seed": assignment.trial if seed is None else seed}
        by_key = {} if seed else {"seed": frozenset({"hydra"})}
        yield replace(BEGUN, params=params, resolvers=by_key)
        yield from list(noisy(assignment))[1:]

    _, pool, _ = confirming(bench, numbered, n_trials=4)
    assert {seed for _, seed in confirmations(pool)} == {4, 5, 6}


def test_luck_seldom_beats_the_baseline_in_a_whole_sweep(bench: Bench) -> None:
    """Every loss is noise that depends only on trial and seed: no configuration is better."""

    def lucky(assignment: Assignment) -> Iterator[FromWorker]:
        noise = random.Random(f"{assignment.trial} {seed_of(assignment)}").gauss(0, 1)
        yield Outcome(State.COMPLETE, {"loss": noise}, 0.1)

    _, _, sentence = confirming(bench, lucky, top_k=3, seeds=5)
    assert "within noise" in sentence
