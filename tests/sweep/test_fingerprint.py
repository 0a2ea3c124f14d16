"""What a study is held to, and what it is not."""

from dataclasses import replace

from omegaconf import DictConfig, OmegaConf

from besom.app.hooks import Hooks
from besom.rnn import config
from besom.sweep.fingerprint import claim, fingerprint, leave_out
from besom.sweep.plan import Plan
from tests.sweep.conftest import Bench


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


def test_a_baseline_of_before_is_not_run_where_there_is_none_today(bench: Bench) -> None:
    """A sweep that was interrupted before its first trial, and whose space is another one."""
    first = replace(bench.plan(), baseline_params={}, outside={"x": 9.0})
    study = bench.study()
    claim(study, fingerprint(first))
    leave_out(first, study)
    today = replace(bench.plan(space="x=interval(2,3)"), baseline_params=None)
    claim(study, fingerprint(today))
    leave_out(today, study)
    row = study.ask(today.space.distributions)
    assert row.outside is None and 2 <= row.params["x"] <= 3
