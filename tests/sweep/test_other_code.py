"""Studies whose application's source code has changed: what earlier trials still count for."""

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.types import HydraContext, RunMode
from rich.console import Console

from besom.app.job import JobRunner
from besom.app.source import Source
from besom.common.states import State
from besom.results.compare import compare, show
from besom.results.report.data import read_report_data
from besom.results.report.page import report_html
from besom.results.studies import read_study
from besom.search.algorithms.options import (
    CmaesSampler,
    GridSampler,
    MedianPruner,
    NoPruner,
    NsgaIISampler,
    RandomSampler,
    TpeSampler,
)
from besom.search.options import SweepOptions
from besom.search.study import Study
from besom.sweep import plan as plan_module
from besom.sweep.identity.fingerprint import FOOTNOTE, sentences
from besom.sweep.plan import Plan, make_plan
from besom.sweep.summary import note, print_summary
from besom.tracking import schema
from besom.tracking.reader import open_reader
from besom.tracking.record import connect
from besom.workers.messages import Assignment, FromWorker, Outcome, Reported, ReportReply
from tests.sweep.confirmation.test_jobs import confirmations, confirming
from tests.sweep.conftest import Bench, completes

OLD, NEW = "a" * 64, "b" * 64


def worse(assignment: Assignment) -> Iterator[FromWorker]:
    """Complete as the new code would: each loss is larger than any of the old code."""
    yield Outcome(State.COMPLETE, {"loss": 100.0 - assignment.trial}, seconds=0.1)


def said(plan: Plan, study: Study) -> str:
    """Return what a sweep prints: its first sentences and its summary."""
    console = Console(file=StringIO(), width=120)
    console.print(*sentences(plan, study), sep="\n", soft_wrap=True)
    print_summary(plan, study, [], console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_values_that_other_code_has_made_are_reused_only_where_that_is_asked_for(
    bench: Bench,
) -> None:
    def trained(code: str, n_trials: int, **options: str) -> tuple[list[int], str]:
        options = {"space": "x=choice(0.5,0.25)", "code": code, **options}
        driver, study, pool = bench.driver(completes, n_trials=n_trials, **options)
        text = " ".join(sentences(driver.sweep.plan, study))
        driver.run()
        bench.record.flush()
        return [assignment.trial for assignment in pool.assigned], text

    first, text = trained(OLD, 8)
    assert len(first) == 2 and not text
    again, text = trained(NEW, 16)
    assert len(again) == 2  # of eight trials: each of the two configurations once
    assert text.startswith("8 of 8 trials were made by other source code than today's; their")
    none, text = trained("c" * 64, 20, duplicates="reuse_any_code")
    assert not none and text.startswith("16 of 16 trials were made by other source code")
    assert "their values count all the same" in text
    row = bench.study().row(16)
    assert row.code == bench.study().row(row.notes["reused"]).code == OLD
    tags = {run.run_id: run.tags for run in bench.record.runs({})}
    assert tags[row.notes["run_id"]][schema.CODE] == OLD  # the same in Optuna and MLflow


def test_nothing_is_the_best_or_the_baseline_but_what_todays_code_has_made(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    _, was = bench.sweep(n_trials=4, code=OLD)
    driver, study, pool = bench.driver(worse, n_trials=4, code=NEW)
    assert len(was.assigned) == 4 and study.best() == [] and not driver.trials.n_open()
    assert "No trial was completed by today's code." in said(driver.sweep.plan, study)

    study, pool = bench.sweep(worse, n_trials=7, code=NEW)
    assert [assignment.trial for assignment in pool.assigned] == [4, 5, 6]
    rows = study.rows()
    assert rows[4].params == {"x": 0.5} and [n for n in range(7) if rows[n].is_baseline] == [4]
    (best,) = study.best()
    assert best.number == 6 and best.values[0] == 94
    plan = bench.plan(n_trials=7, code=NEW)
    for text in (said(plan, study), note(plan, study)):
        assert f"Best: trial {best.number}, " in text and "Baseline: trial 4, 96" in text
        assert text.count("complete *") == 4 and FOOTNOTE in text

    record = read_study(open_reader(bench.root, bench.record.uri), "bench")
    assert record.best and record.best.number == best.number
    assert record.baseline and record.baseline.number == 4
    compared = compare(bench.root, bench.record.uri, ["bench"], None)
    assert compared.trials[0].number == best.number
    assert {row["trial"] for row in compared.rows() if not row["counts"]} == {0, 1, 2, 3}
    show(compared, 20)
    text = capsys.readouterr().out
    assert text.count("complete *") == 4 and text.count("baseline") == 1 and FOOTNOTE in text
    page = report_html(read_report_data(open_reader(bench.root, bench.record.uri), "bench"))
    assert "3 trials: 3 complete" in page and "4 more were made by other source code" in page


def test_code_that_is_not_known_counts_as_todays_and_a_sentence_says_so(bench: Bench) -> None:
    study, _ = bench.sweep(n_trials=2, code="")  # an earlier Besom noted no code
    plan = bench.plan(n_trials=3, code=NEW)
    assert list(sentences(plan, study)) == [
        "It is not known which source code made 2 of 2 trials; their values count as today's."
    ]
    study, pool = bench.sweep(n_trials=3, code=NEW)
    assert len(pool.assigned) == 1 and study.best()[0].number in (0, 1, 2)
    assert FOOTNOTE not in said(plan, study)
    no_more = replace(plan, source=Source(None, "a prompt"))
    (sentence,) = sentences(no_more, study)
    assert sentence.startswith("The application's source is not known (a prompt): ")
    assert all(no_more.counts(row.code) for row in study.rows())
    shorter = replace(plan, source=Source(OLD + "1" * 16))  # earlier Besoms kept 16 digits
    assert shorter.counts(OLD[:16]) and shorter.counts(OLD) and not shorter.counts(NEW[:16])


def test_confirmations_and_the_champion_are_of_todays_code(bench: Bench) -> None:
    options = {"top_k": 1, "seeds": 2}
    _, pool, first = confirming(bench, n_trials=3, code=OLD, **options)
    assert len(confirmations(pool)) == 4 and "beats the baseline" in first
    driver, again, none = confirming(bench, n_trials=3, code=NEW, **options)
    assert not again.assigned
    assert none.startswith("No verdict: no baseline was completed by today's code; more trials")
    (earlier,) = [
        line for line in said(driver.sweep.plan, driver.sweep.study).splitlines() if first in line
    ]
    assert earlier.startswith("An earlier confirmation, of other source code, found: ")
    reader = open_reader(bench.root, bench.record.uri)
    record = read_study(reader, "bench")
    assert not record.verdict and record.winner is None and not record.confirmations
    driver, again, verdict = confirming(bench, n_trials=6, code=NEW, **options)
    assert {number for number, _ in confirmations(again)} <= {3, 4, 5} and "of 1" not in verdict
    winner = read_study(reader, "bench").winner
    assert winner in (3, 4, 5) and len(read_study(reader, "bench").confirmations) == 4


@pytest.mark.parametrize("record", [TpeSampler, NsgaIISampler, CmaesSampler, GridSampler])
def test_samplers_and_pruners_are_shown_nothing_of_other_code(bench: Bench, record: type) -> None:
    options = {"population_size": 3} if record is NsgaIISampler else {}
    if record is not GridSampler:
        options |= {"seed": 1}
    common: dict[str, Any] = {
        "sampler": record(**options),
        "pruner": MedianPruner(n_startup_trials=2, n_warmup_steps=0),
        "space": "x=choice(0.5,0.25,0.125)" if record is GridSampler else "x=interval(-1,1)",
    }

    def reporting(assignment: Assignment) -> Iterator[FromWorker]:
        value = shift + assignment.trial / 100
        if (yield Reported(1, {"loss": value})) is ReportReply.PRUNE:
            yield Outcome(State.PRUNED, {}, seconds=0.1)
        else:
            yield Outcome(State.COMPLETE, {"loss": value}, seconds=0.1)

    shift = 0
    bench.sweep(reporting, n_trials=8, code=OLD, **common)
    n_before = len(bench.study(code=OLD, **common).rows())
    shift = 100
    study, _ = bench.sweep(reporting, n_trials=n_before + 8, code=NEW, **common)
    again = [row for row in study.rows() if row.counts]
    assert again[0].params == {"x": 0.5} and again[1].state == "complete"  # no curve to prune by
    if record is GridSampler:
        assert n_before == 3 and [row.params["x"] for row in again[1:]] in (
            [0.25, 0.125],
            [0.125, 0.25],
        )
    else:
        assert len(again) == 8


def test_a_trial_of_other_code_that_is_told_only_now_does_not_count(bench: Bench) -> None:
    study, record = bench.study(code=OLD), bench.record
    parent = record.start_run("bench", {schema.STUDY: "bench", schema.ROLE: "sweep"})
    study.remember("run_id", parent)
    number = study.ask(bench.plan().space.distributions).number
    run_id = record.start_run("bench/000", {schema.STUDY: "bench"}, parent)
    study.note(number, role="baseline", run_id=run_id, code=OLD)
    outcome = {"trial": number, "state": "complete", "values": [0.25], "notes": {}, "reports": []}
    record.prepare_end(run_id, "FINISHED", {}, outcome)
    record.close()  # as if the supervisor died before it told the study
    with connect(bench.root, None, "test") as again:
        driver, study, _ = replace(bench, record=again).driver(completes, n_trials=2, code=NEW)
        assert [(row.state, row.counts) for row in study.rows()] == [("complete", False)]
        driver.run()
    assert [row.is_baseline for row in study.rows()] == [False, True]


def test_what_configurations_of_the_search_name_is_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = {
        "main.yaml": "defaults:\n  - _self_\n  - alg: adam\nlayer: plain\nnet: ${.layer}_net.Net\n",
        "alg/adam.yaml": "_target_: opt.Adam\n",
        "alg/sgd.yaml": "defaults:\n  - /extra@more: deep\n",
        "alg/unused.yaml": "_target_: unused.Unused\n",
        "extra/deep.yaml": "calls: [{call: deep.make}]\n",
    }
    for place, text in written.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    seen: set[str] = set()

    def source_of(task: object, names: frozenset[str]) -> Source:
        seen.update(names)
        return Source(OLD)

    monkeypatch.setattr(plan_module, "source_of", source_of)
    hydra = Hydra.create_main_hydra2("t", create_config_search_path(str(tmp_path)))
    master = hydra.compose_config("main", [], RunMode.MULTIRUN)
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
    words = ["alg=choice(adam,sgd)", "layer=choice(plain,wide)", "+to=choice(given.A,b)"]
    options = SweepOptions(sampler=RandomSampler(), pruner=NoPruner())
    try:
        make_plan(options, JobRunner(context, lambda config: 0.0, master), words)
    finally:
        GlobalHydra.instance().clear()
    assert seen == {"opt.Adam", "deep.make", "plain_net.Net", "wide_net.Net", "given.A"}
