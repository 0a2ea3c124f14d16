"""``besom reproduce``: which run is meant, and what is said of the numbers."""

from pathlib import Path

import pytest

from besom.errors import Pruned
from besom.results.reproduce import Replay, Reproduction, find
from besom.results.studies import Trial
from besom.tracking.reading import ReadRun, open_reader
from tests.conftest import Command

TRIAL = Trial(ReadRun("id", "name", "FINISHED", 0, 1, {}, {}, {}), 0, "trial", "complete", 1, {})


@pytest.mark.parametrize(("what", "number"), [("baseline", 0), ("best", 1)])
def test_the_baseline_and_the_best_are_of_the_latest_study(
    what: str, number: int, study: list[str], root: Path
) -> None:
    assert find(open_reader(root, None), what, None).run.run_id == study[number]


@pytest.mark.parametrize(
    ("again", "sentence"),
    [
        ({("loss", 1): 0.5}, "bit-identical: all 1 numbers"),
        ({("loss", 1): 0.5 + 2e-6}, "agrees within 2.0e-06"),
        ({("loss", 1): 0.6}, "differs by up to 0.1"),
        ({("loss", 1): float("nan")}, "differs by up to inf"),
        ({("loss", 2): 0.5}, "differs: 1 numbers recorded, 1 now"),
    ],
)
def test_says_how_far_the_numbers_agree(again: dict[tuple[str, int], float], sentence: str) -> None:
    found = Reproduction(TRIAL, {("loss", 1): 0.5}, again, [])
    assert found.sentence == sentence
    assert found.agrees == (not sentence.startswith("differs"))


def test_a_number_that_was_none_is_none_again() -> None:
    found = Reproduction(TRIAL, {("loss", 1): float("nan")}, {("loss", 1): float("nan")}, [])
    assert found.difference == 0


def test_a_replay_stops_where_the_trial_was_pruned() -> None:
    replay = Replay(stop_after=2)
    replay.report(1, {"loss": 0.5})
    with pytest.raises(Pruned):
        replay.report(2, {"loss": 0.4})
    assert replay.numbers == {("loss", 1): 0.5, ("loss", 2): 0.4}


def test_a_replay_keeps_final_numbers_where_the_record_does() -> None:
    replay = Replay(None)
    replay.report(1, {"val_loss": 0.5})
    replay.log({"val_loss": 0.4, "test_loss": 0.6, "engine": "xla"})
    assert replay.numbers == {("val_loss", 1): 0.4, ("test_loss", 0): 0.6}
    assert replay.facts == {"engine": "xla"}


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["0" * 32], ["no run 000", "besom compare"]),
        (["best", "--study", "smal"], ["did you mean `small`?"]),
        (["baseline", "--root", "elsewhere"], ["holds no record"]),
        (["baseline"], ["holds no configuration"]),
        (["baseline", "--code"], ["is not known"]),
    ],
)
def test_refuses_in_a_line(
    words: list[str], parts: list[str], study: list[str], besom: Command
) -> None:
    ended = besom("reproduce", *words)
    assert ended.code == 2 and ended.out == ""
    assert all(part in ended.err for part in parts), ended.err
