"""The verdict: its confidence intervals, how often chance alone wins, and its sentences."""

import numpy as np
import pytest
from scipy import stats

from besom.sweep.confirmation.statistics import ComparisonResult, Estimate, estimate, judge


def test_an_interval_is_the_textbook_s() -> None:
    found = estimate([1.0, 2.0, 3.0])
    half = 4.302653 * 1 / np.sqrt(3)  # t(0.975; 2) s / sqrt(n)
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, 2 - half, 2 + half))


def test_a_difference_of_one_candidate_is_the_paired_t_test_s() -> None:
    baseline, better = [0.80, 0.78, 0.81, 0.79], [0.83, 0.80, 0.85, 0.81]
    verdict = judge(baseline, {17: better}, "maximize")
    expected = stats.ttest_rel(better, baseline).confidence_interval(0.95)
    assert (verdict.difference.low, verdict.difference.high) == pytest.approx(expected)
    assert verdict.challenger == 17 and verdict.beats


def test_what_a_seed_does_to_both_cancels() -> None:
    seeds = np.random.default_rng(0).normal(0, 5, 6)
    verdict = judge(seeds, {3: seeds + np.array([1.0, 1.1, 0.9, 1.0, 1.05, 0.95])}, "maximize")
    assert verdict.beats
    assert verdict.value.low < verdict.baseline.high  # the separate intervals overlap


@pytest.mark.parametrize(("direction", "winner"), [("maximize", 2), ("minimize", 1)])
def test_the_winner_is_the_best_mean(direction: str, winner: int) -> None:
    verdict = judge([5.0, 5.1], {1: [1.0, 1.2], 2: [9.0, 9.3]}, direction)
    assert verdict.challenger == winner and verdict.candidates == 2


def test_more_candidates_widen_the_interval() -> None:
    baseline, better = [0.0, 0.1, 0.05], [1.0, 1.2, 0.9]
    alone = judge(baseline, {1: better}, "maximize").difference
    among = judge(baseline, {1: better, 2: baseline, 3: baseline}, "maximize").difference
    assert among.low < alone.low and among.high > alone.high and among.mean == alone.mean


def test_values_that_no_seed_moves_are_certain() -> None:
    assert judge([1.0, 1.0], {1: [2.0, 2.0]}, "maximize").beats
    assert not judge([1.0, 1.0], {1: [1.0, 1.0]}, "maximize").beats


@pytest.mark.parametrize("step", [0.01, 1 / 3])
def test_equal_differences_of_values_that_move_are_chance(step: float) -> None:
    baseline = [0.5, 0.5 + 7 * step]
    found = judge(baseline, {1: [value + step for value in baseline]}, "maximize")
    assert not found.beats
    assert found.difference.low < 0 < found.difference.mean < found.difference.high
    assert found.difference.mean == pytest.approx(step)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_luck_seldom_beats_the_baseline(direction: str) -> None:
    """In 200 studies of equal configurations, the baseline is beaten in at most one in twenty."""
    random = np.random.default_rng(7)
    beaten = 0
    for _ in range(200):
        runs = random.normal(0.8, 0.016, (4, 5))
        beaten += judge(runs[0], dict(enumerate(runs[1:], 1)), direction).beats
    assert beaten <= 10


@pytest.mark.parametrize(
    ("baseline", "candidates"),
    [([1.0, 2.0], {}), ([1.0], {1: [2.0]}), ([1.0, 2.0], {1: [2.0]}), ([], {1: []})],
)
def test_refuses_what_cannot_be_judged(
    baseline: list[float], candidates: dict[int, list[float]]
) -> None:
    with pytest.raises(ValueError, match=r"nothing to compare|same 2 seeds"):
        judge(baseline, candidates, "maximize")


def _verdict(difference: Estimate, candidates: int = 1) -> ComparisonResult:
    value = Estimate(0.83, 0.82, 0.84)
    beats, loses = difference.low > 0, difference.high < 0
    return ComparisonResult(17, value, value, difference, 5, candidates, beats, loses)


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Estimate(0.02, 0.01, 0.03), "Trial 17 beats the baseline: test_accuracy 0.83 (0.82 to"),
        (Estimate(0.02, -0.01, 0.05), "Trial 17 is within noise of the baseline: test_accuracy"),
        (Estimate(-0.02, -0.03, -0.01), "Trial 17 loses against the baseline"),
    ],
)
def test_the_sentence_says_what_the_intervals_say(difference: Estimate, words: str) -> None:
    sentence = _verdict(difference).sentence("test_accuracy")
    assert sentence.startswith(words)
    assert f"a difference of {difference.mean:+.4g} ({difference.low:+.4g} to" in sentence
    assert "5 seeds" in sentence


def test_the_sentence_says_out_of_how_many_the_challenger_was_chosen() -> None:
    assert "the best of 3 on fresh seeds" in _verdict(Estimate(1, 0, 2), 3).sentence("x")


def test_the_sentence_says_what_two_seeds_are_worth_and_which_way_is_better() -> None:
    value = Estimate(0.9, 0.4, 1.4)
    of_two = ComparisonResult(1, value, value, value, 2, 1, True, False)
    assert "same 2 seeds (95 % intervals, so wide with 2 seeds that" in of_two.sentence("accuracy")
    said = _verdict(value).sentence("loss", "minimize")
    assert said.endswith("same 5 seeds (95 % intervals; lower is better).")


def test_a_difference_that_is_rounding_is_told_as_none() -> None:
    assert Estimate(-3.7e-17, -0.4, 0.4).text("+") == "+0 (-0.4 to +0.4)"
    assert Estimate(-3.7e-8, -0.4, 0.4).text("+") == "-3.7e-08 (-0.4 to +0.4)"


def test_where_all_seeds_gave_the_same_value_it_says_so_instead_of_intervals() -> None:
    said = judge([0.935] * 3, {1: [0.935] * 3}, "maximize").sentence("accuracy", "maximize")
    assert said == (
        "Trial 1 is within noise of the baseline: accuracy 0.935, a difference of +0 over the same "
        "3 seeds (higher is better). All 3 seeds gave the same value, which says nothing of the "
        "spread."
    )
    undirected = judge([0.1] * 3, {1: [0.3] * 3}, "maximize").sentence("accuracy")
    assert "beats the baseline: accuracy 0.3, a difference of +0.2 over the same 3 seeds. All" in (
        undirected
    )


def test_where_only_the_challenger_s_seeds_did_the_difference_has_its_interval() -> None:
    said = judge([0.92, 0.94, 0.93], {1: [0.935] * 3}, "maximize").sentence("accuracy")
    assert "accuracy 0.935, a difference of +0.005 (-0.01984 to +0.02984) over" in said
    assert said.endswith(
        "(95 % intervals). All 3 seeds gave trial 1 the same value, which says nothing of the "
        "spread."
    )
