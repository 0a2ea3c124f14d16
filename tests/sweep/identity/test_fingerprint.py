"""The fingerprint of a study: what a resume must match, and what may differ."""

from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
from omegaconf import DictConfig, OmegaConf

from besom.app.hooks import Hooks
from besom.common.errors import DataError, StudyError
from besom.rnn import config
from besom.sweep.identity.fingerprint import fingerprint, hold_to, leave_out, places_of
from besom.sweep.plan import Plan
from besom.sweep.run import run_sweep
from tests.sweep.conftest import Bench


@dataclass
class Where:
    run_id: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Config:
    x: float = 0.5
    layers: list[int] = field(default_factory=lambda: [1, 2])
    where: Where = field(default_factory=Where)


def plan_of(bench: Bench, baseline: DictConfig) -> Plan:
    hooks = Hooks(places=("data.path",), identity=lambda _: {"data": "a"})
    return replace(bench.plan(hooks=hooks), baseline=baseline)


def test_the_same_texts_under_another_name_are_the_same_study(bench: Bench) -> None:
    config.register()

    def of(path: str, name: str = "${besom.name_of_file:}") -> dict[str, str]:
        data = {"name": name, "path": path}
        return fingerprint(plan_of(bench, OmegaConf.create({"x": 0.5, "data": data})))

    assert of("tickets.csv") == of("moved/mails.csv.gz")
    assert of("tickets.csv", "mine") != of("tickets.csv", "yours")


def test_a_default_that_python_makes_at_each_start_is_refused_with_the_way_out(
    bench: Bench,
) -> None:
    study, first = bench.study(), plan_of(bench, OmegaConf.structured(Config))
    hold_to(study, fingerprint(first), places_of(first))
    study.ask(first.space.distributions)
    second = plan_of(bench, OmegaConf.structured(Config))
    way_out = (
        r"where\.run_id \(its default_factory made it; besom\.Hooks\(places=\('where\.run_id',\)"
    )
    with pytest.raises(StudyError, match=way_out):
        hold_to(study, fingerprint(second), places_of(second))
    assert [key for key in places_of(second) if key.startswith("configuration")] == [
        "configuration, where.run_id"
    ]


def test_a_baseline_of_before_is_not_run_where_there_is_none_today(bench: Bench) -> None:
    """The first sweep ended before its first trial, and the space has changed since."""
    first = replace(bench.plan(), baseline_params={}, outside={"x": 9.0})
    study = bench.study()
    hold_to(study, fingerprint(first))
    leave_out(first, study)
    today = replace(bench.plan(space="x=interval(2,3)"), baseline_params=None)
    hold_to(study, fingerprint(today))
    leave_out(today, study)
    row = study.ask(today.space.distributions)
    assert row.outside is None and 2 <= row.params["x"] <= 3


def test_other_data_are_named_by_their_file_before_what_they_do_not_carry(bench: Bench) -> None:
    digest = ["a" * 64]

    def too_few(config: DictConfig) -> None:
        raise DataError("`training.batch_size=128` is above the 10 texts")

    hooks = Hooks(
        places=("data.path", "data.test_path"),
        identity=lambda _: {"data": digest[0]},
        check_data=too_few,
    )
    data = {"path": "tickets.csv", "test_path": None}
    baseline = OmegaConf.create({"x": 0.5, "data": data})

    def today() -> Plan:
        plan = bench.plan(hooks=hooks, root=str(bench.root), study_name="bench")
        return replace(plan, baseline=baseline, to_check=(baseline,))

    with pytest.raises(DataError):
        run_sweep(today())  # there is no study yet
    study = bench.study()
    hold_to(study, fingerprint(today()), places_of(today()))
    study.ask(today().space.distributions)
    with pytest.raises(DataError):
        run_sweep(today())
    digest[0] = "b" * 64
    with pytest.raises(StudyError) as refusal:
        run_sweep(today())
    digest[0] = "c" * 64
    searched = replace(today(), space=bench.plan(space="x=interval(2,3)").space)
    with pytest.raises(StudyError, match=r"\(identity of data .*; search space, x"):
        run_sweep(searched)
    assert str(refusal.value).splitlines()[0] == (
        "the study `bench` was begun with something else (identity of data "
        "(data.path=tickets.csv): aaaaaaaaaaaa… → bbbbbbbbbbbb…)."
    )
