"""Recommendations from the logs of searches, and the rows of the report; no search is run here."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from benchmarks.configurations import KEYS, Configuration
from benchmarks.peers.suggest import suggest
from benchmarks.search import besom_side, judge, log, sides
from benchmarks.search.__main__ import main
from benchmarks.search.log import Found, Log
from benchmarks.search.rows import rows
from benchmarks.search.space import BASELINE, EPOCHS, SPACE
from besom.search.space.grammar import read_space

A, B, C, D = (replace(BASELINE, units=units) for units in (8, 16, 24, 40))
LOG = Log.of(
    [
        Found(A, 0.81, 1060.0, 10.0),
        Found(BASELINE, 0.80, 1020.0, 10.0),
        Found(B, 0.85, 1300.0, 30.0),
        Found(C, 0.84, 1200.0, 20.0),
        Found(A, 0.83, 1100.0, 10.0),
    ],
    started=1000.0,
)


@pytest.mark.parametrize(
    ("seconds", "best"), [(10, BASELINE), (20, BASELINE), (60, A), (250, C), (300, B)]
)
def test_a_peer_recommends_the_best_that_had_ended(seconds: float, best: Configuration) -> None:
    assert LOG.best(seconds) == best


def test_the_curve_has_a_point_for_each_better_trial() -> None:
    assert LOG.curve() == [(20, 0.8), (60, 0.81), (100, 0.83), (200, 0.84), (300, 0.85)]


def test_what_is_noted_is_read(tmp_path: Path) -> None:
    assert log.read(tmp_path / "none") == []
    log.note(A, 0.8, tmp_path / "some")
    log.note(B, 0.7, tmp_path / "some")
    assert [(one.configuration, one.value) for one in log.read(tmp_path / "some")] == [
        (A, 0.8),
        (B, 0.7),
    ]


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        (99, []),  # a confirmation of A takes 10 * 2 * 5 / 2 = 50 s, and A ends after 60 s
        (115, [BASELINE, A]),
        (315, [BASELINE, C, A]),  # with C: 15 * 3 * 5 / 2 = 112 s, from 200 s on
        (500, [BASELINE, B, C, A]),  # with B: 20 * 4 * 5 / 2 = 200 s, from 300 s on
    ],
)
def test_a_confirmation_ends_in_time(seconds: float, chosen: list[Configuration]) -> None:
    assert besom_side.candidates(LOG, seconds) == chosen


@pytest.fixture
def worth(monkeypatch: pytest.MonkeyPatch) -> dict[Configuration, float]:
    """Replace the trainings of a confirmation; return the means that the test sets for them."""
    means: dict[Configuration, float] = {}

    def values(
        asked: Iterable[Configuration], seeds: Sequence[int], metric: str, folder: Path
    ) -> dict[Configuration, list[float]]:
        assert set(judge.FRESH).isdisjoint(judge.CONFIRMING)
        assert metric == "val_accuracy" and tuple(seeds) == judge.CONFIRMING
        return {one: [means[one] + n / 1000 for n in (0, 2, 1, 1, 3)] for one in asked}

    monkeypatch.setattr(judge, "values", values)
    return means


def test_besom_recommends_what_its_confirmation_says(
    worth: dict[Configuration, float], tmp_path: Path
) -> None:
    worth |= {BASELINE: 0.8, A: 0.8, B: 0.79, C: 0.82}
    logs = {sides.BESOM: [LOG], sides.LOOP: [LOG]}
    found = sides.recommended(logs, [60, 115, 500], tmp_path)
    assert found[sides.BESOM, 60] == [A]  # the best, since there is no time to confirm it
    assert found[sides.BESOM, 115] == [BASELINE]  # A does not beat it
    assert found[sides.BESOM, 500] == [C]
    assert found[sides.LOOP, 500] == [B]


def test_rows_say_whether_besom_is_worse_than_the_interval_and_when_it_is_as_good() -> None:
    logs = {sides.BESOM: [LOG, LOG], sides.LOOP: [LOG, LOG]}
    judged = {
        (sides.BESOM, 60.0): [0.82, 0.82],
        (sides.BESOM, 300.0): [0.85, 0.86],
        (sides.LOOP, 60.0): [0.80, 0.801],
        (sides.LOOP, 300.0): [0.84, 0.85],
    }
    found = {row.what: row for row in rows(judged, logs)}
    besom = found["besom, after 5 min"]
    assert besom.figure == pytest.approx(85.5) and besom.unit == "%"
    assert len(besom.details["curves"]) == 2 and besom.note == "5 trials run to their end"
    early = found[f"besom less {sides.LOOP}, after 1 min"]
    assert early.note.endswith(": better") and early.figure == pytest.approx(1.95)
    matched = found["minutes until besom matches what the loop recommends after 5 min"]
    assert matched.ours == [5.0] and matched.reached
    never = judged | {(sides.LOOP, 300.0): [0.9, 0.9]}
    *_, last = rows(never, logs)
    assert last.ours == [math.inf] and last.reached is False


def test_one_seed_has_no_interval() -> None:
    judged = {(name, 60.0): [0.8] for name in (sides.BESOM, sides.LOOP)}
    *_, difference, _ = rows(judged, {name: [LOG] for name in (sides.BESOM, sides.LOOP)})
    assert difference.note == "one seed: no interval"


def test_an_optuna_peer_searches_what_besom_searches() -> None:
    trial = optuna.create_study().ask()
    assert suggest(trial, EPOCHS).epochs == EPOCHS
    ours = read_space(SPACE, [], loader=None).distributions
    assert {KEYS[axis]: each for axis, each in trial.distributions.items()} == ours


def test_kerastuner_searches_what_besom_searches() -> None:
    keras_tuner: Any = pytest.importorskip("keras_tuner", reason="of the benchmarks only")
    from benchmarks.peers.search_hyperband import Reference

    hp = keras_tuner.HyperParameters()
    assert Reference(EPOCHS, 0, Path()).configuration(hp) == BASELINE
    assert {one.name for one in hp.space} | {"epochs"} == KEYS.keys()


@pytest.mark.parametrize("words", [["--minutes", "0"], ["--seeds", "0"], ["--minutes", "soon"]])
def test_budgets_are_checked(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and "--" in capsys.readouterr().err
