from contextlib import nullcontext
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from besom.common.states import State
from besom.search.algorithms.options import HyperbandPruner, NoPruner, TpeSampler
from besom.search.algorithms.pruners import make_pruner
from besom.search.algorithms.samplers import make_sampler
from besom.search.space.grammar import read_space
from besom.search.storage.cached_storage import OWN, SERVER_STEP, CachedStorage
from besom.search.storage.database import open_study
from besom.search.study import Study

SPACE = read_space({}, ["x=interval(0,1)", "y=choice(a,b)"], loader=None)


def address(folder: Path) -> str:
    return f"sqlite:///{folder / 'o.db'}"


def opened(folder: Path, pruner: Any = None) -> Study:
    study = open_study("s", address(folder), ["maximize"])
    sampler = make_sampler(TpeSampler(seed=0, n_startup_trials=3), SPACE.dimensions, 0)
    study.use(sampler, make_pruner(pruner or NoPruner()))
    return study


def on_disk(folder: Path) -> list[FrozenTrial]:
    return optuna.load_study(study_name="s", storage=address(folder)).get_trials()


def train(study: Study, state: State) -> int:
    """Run one trial from its proposal to its end; return its number."""
    number = study.ask(SPACE.distributions).number
    study.note(number, attempt=1)
    for step in (1, 2):
        study.report(number, step, number / 10 + step)
    study.tell(number, state, [float(number)], {"seconds": 1.5})
    return number


def facts(trial: FrozenTrial) -> dict[str, Any]:
    names = ("number", "state", "values", "params", "distributions", "intermediate_values")
    return {name: getattr(trial, name) for name in (*names, "user_attrs", "system_attrs")}


def test_memory_and_database_hold_the_same(tmp_path: Path) -> None:
    study = opened(tmp_path)
    study.enqueue({"x": 0.25, "y": "b"})
    for state in (State.COMPLETE, State.FAILED, State.PRUNED, *[State.COMPLETE] * 4):
        train(study, state)
    study.ask(SPACE.distributions)
    in_memory = study._study.get_trials()
    assert [facts(trial) for trial in in_memory] == [facts(trial) for trial in on_disk(tmp_path)]
    assert study.best()[0].values == (6.0,)
    assert opened(tmp_path).rows() == study.rows()


def test_an_open_study_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = opened(tmp_path, HyperbandPruner(max_resource=10))
    cached = study._study._storage
    assert isinstance(cached, CachedStorage)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the database is read")

    for name in ("get_all_trials", "get_trial", "get_best_trial"):
        monkeypatch.setattr(cached._disk, name, refuse)
    for _ in range(6):
        train(study, State.COMPLETE)
    assert len(study.rows()) == 6 and study.best()[0].number == 5


def test_trials_are_listed_by_number_whoever_ends_first(tmp_path: Path) -> None:
    study = opened(tmp_path)
    numbers = [study.ask(SPACE.distributions).number for _ in range(3)]
    for number in reversed(numbers):
        study.tell(number, State.COMPLETE, [0.5])
    complete = study._study.get_trials(states=(TrialState.COMPLETE,))
    assert [trial.number for trial in complete] == numbers


def test_whoever_holds_a_trial_keeps_it_as_it_was(tmp_path: Path) -> None:
    study = opened(tmp_path)._study
    cached, trial_id = study._storage, study.ask()._trial_id
    before = cached.get_trial(trial_id)
    cached.set_trial_user_attr(trial_id, "a", 1)
    cached.set_trial_system_attr(trial_id, "b", 2)
    cached.set_trial_param(trial_id, "x", 0.5, SPACE.distributions["x"])
    cached.set_trial_intermediate_value(trial_id, 1, 0.5)
    cached.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.5])
    assert before.state is TrialState.RUNNING and before.values is None
    assert before.user_attrs == {OWN: True}
    assert before.system_attrs == before.params == {}
    assert before.intermediate_values == {}


def test_what_another_program_enqueues_is_proposed(tmp_path: Path) -> None:
    study = opened(tmp_path)
    train(study, State.COMPLETE)
    optuna.load_study(study_name="s", storage=address(tmp_path)).enqueue_trial({"x": 0.125})
    numbers = [train(study, State.COMPLETE) for _ in range(2)]
    assert sorted(numbers) == [1, 2]
    assert study.row(1).params["x"] == 0.125
    assert [trial.number for trial in on_disk(tmp_path)] == [0, 1, 2]
    assert [facts(t) for t in study._study.get_trials()] == [facts(t) for t in on_disk(tmp_path)]


def test_intermediate_values_come_with_the_end(tmp_path: Path) -> None:
    study = opened(tmp_path)
    number = study.ask(SPACE.distributions).number
    study.report(number, 1, 0.5)
    assert study.reports(number) == {1: 0.5}
    assert on_disk(tmp_path)[number].intermediate_values == {}
    study.tell(number, State.PRUNED)
    (told,) = on_disk(tmp_path)
    assert (told.state, told.value, told.intermediate_values) == (TrialState.PRUNED, 0.5, {1: 0.5})


def test_what_another_program_adds_around_a_trial_keeps_its_number(tmp_path: Path) -> None:
    """This happens on a database server, where no lock covers both programs."""
    disk = optuna.storages.RDBStorage(address(tmp_path))
    other = optuna.create_study(study_name="s", storage=disk)
    cached = CachedStorage(disk, other._study_id, nullcontext)
    create = disk.create_new_trial

    def create_between(*arguments: Any) -> int:
        other.enqueue_trial({"x": 0.1})
        trial_id = create(*arguments)
        other.enqueue_trial({"x": 0.2})
        return trial_id

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "create_new_trial", create_between, raising=True)
        patch.setattr(other._storage, "create_new_trial", create, raising=True)
        trial_id = cached.create_new_trial(other._study_id)
    cached.create_new_trial(other._study_id)
    numbers = [trial.number for trial in cached.get_all_trials(other._study_id)]
    assert numbers == [0, 1, 2, 3]
    assert cached.get_trial(trial_id).number == disk.get_trial_number_from_id(trial_id) == 1


def test_a_step_beyond_the_servers_column_stays_in_memory(tmp_path: Path) -> None:
    study = opened(tmp_path)
    cached = study._study._storage
    assert isinstance(cached, CachedStorage)
    cached._largest_step = SERVER_STEP
    number = study.ask(SPACE.distributions).number
    for step in (SERVER_STEP, SERVER_STEP + 1):
        study.report(number, step, 0.5)
    study.tell(number, State.COMPLETE, [1.0])
    assert [*on_disk(tmp_path)[0].intermediate_values] == [SERVER_STEP]
    assert len(study.reports(number)) == 2


def test_a_trial_that_another_process_has_ended_stays_as_it_is(tmp_path: Path) -> None:
    """This process slept meanwhile; none of its writes reaches the trial."""
    study = opened(tmp_path)
    number = study.ask(SPACE.distributions).number
    study.report(number, 1, 0.5)
    other = opened(tmp_path)
    other.report(number, 1, 0.25)
    other.tell(number, State.COMPLETE, [1.0], {"seconds": 1.5})
    (before,) = on_disk(tmp_path)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        study.note(number, attempt=2)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        study.tell(number, State.FAILED)
    (after,) = on_disk(tmp_path)
    assert facts(after) == facts(before)
