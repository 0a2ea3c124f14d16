"""Planning a sweep: corners of the space, and what is refused before anything starts."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf.errors import InterpolationResolutionError

from besom.app.config_paths import conf_folder
from besom.app.error_messages import config_error
from besom.app.hooks import Hooks, hooked, task_config
from besom.app.job import JobRunner
from besom.common.errors import ConfigError
from besom.rnn import config
from besom.rnn.check import check_config
from besom.search.algorithms.options import NoPruner, TpeSampler
from besom.search.options import SweepOptions
from besom.search.space.baseline import compose
from besom.search.space.baseline_point import corner
from besom.search.space.grammar import read_space
from besom.search.space.space import Space
from besom.sweep.plan import make_plan

FIXED = ["model.units=8", "data=synthetic"]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[JobRunner]:
    config.register()
    hydra = Hydra.create_main_hydra2("task", create_config_search_path(str(conf_folder())))
    master = hydra.compose_config("train", [], RunMode.MULTIRUN)
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
    yield JobRunner(context, lambda config: 0.0, master)
    GlobalHydra.instance().clear()


def space_of(app: JobRunner, *dimensions: str) -> Space:
    return read_space({}, [*FIXED, *dimensions], app.context.config_loader)


@pytest.mark.parametrize(
    "dimension",
    [
        "training.batch_size=range(32,129,step=32)",
        "training.learning_rate=tag(log,interval(1e-4,1e-2))",
        "training.engine=choice(xla,keras)",
        "training.patience=choice(2,3)",
        "data.path=choice('a b.npz',c.npz)",
        "model=choice(simple_rnn,gru)",
        "++model.dropout=choice(0.0,0.5)",
    ],
)
def test_a_corner_is_what_hydra_would_compose(app: JobRunner, dimension: str) -> None:
    space = space_of(app, dimension)
    base = compose(app, space)
    baseline = task_config(base.whole)
    for proposal in space.corners():
        composed = task_config(app.compose(space.propose(proposal)))
        assert corner(app, space, base, baseline, proposal) == composed
    assert baseline == task_config(app.compose(space.overrides)), "it has been changed"


def test_a_value_of_the_wrong_type_is_refused_in_hydras_words(app: JobRunner) -> None:
    space = space_of(app, "training.batch_size=choice(32,many)")
    base = compose(app, space)
    with pytest.raises(HydraException, match=r"many"):
        corner(app, space, base, task_config(base.whole), {"training.batch_size": "many"})


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("seed=${oc.env:NOT_SET}", "`seed`: the environment variable NOT_SET is not set"),
        ("seed=choice(1,${oc.env:NOT_SET})", "the environment variable NOT_SET is not set"),
        ("hydra.job.name=${oc.env:NOT_SET}", "`hydra.job.name`: the environment variable"),
        ("hydra.sweep.dir=${nokey}", "`hydra.sweep.dir`: `${nokey}` is not"),
        ("+hydra.job.env_set.X=${oc.env:NOT_SET}", "`hydra.job.env_set.X`: the environment"),
        ("+hydra.job.env_set.X=v${seed}", "`${seed}` is none of Hydra's own values"),
    ],
)
def test_what_no_trial_could_look_up_is_refused_in_a_line(
    app: JobRunner, word: str, said: str
) -> None:
    of_hydra = [word] if word.lstrip("+").startswith("hydra.") else []
    app.master = app.context.config_loader.load_configuration("train", of_hydra, RunMode.MULTIRUN)
    words = ["model.units=range(8,129)", *([] if of_hydra else [word])]
    options, shown = SweepOptions(study_name="x", sampler=TpeSampler(), pruner=NoPruner()), []
    with pytest.raises(InterpolationResolutionError) as refusal:
        make_plan(options, app, words, lambda *read: shown.append(read))
    assert said in str(config_error(refusal.value))
    assert shown == [], "nothing is said of a sweep that is refused"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("seed=${nokey}", "`seed`: `${nokey}` is not in the configuration"),
        ("seed=${..nokey}", "`seed`: `${..nokey}` is not in the configuration"),
        ("seed=${hydra.job.num}", "write ${hydra:job.num}"),
        ("seed=${of_the_task:3}", "`seed`: no resolver `of_the_task` is registered"),
    ],
)
def test_what_the_task_may_still_add_is_said_in_a_line(
    app: JobRunner, word: str, said: str
) -> None:
    options = SweepOptions(study_name="x", sampler=TpeSampler(), pruner=NoPruner())
    plan = make_plan(options, app, ["model.units=range(8,129)", word])
    [remark] = plan.remarks
    assert said in remark
    assert remark.endswith("Trials start all the same, as the task may add it.")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("n_trials", 0),
        ("n_jobs", -1),
        ("hang_timeout", 0.0),
        ("direction", "up"),
        ("study_name", "../x"),
        ("duplicates", "maybe"),
    ],
)
def test_an_option_out_of_range_is_refused_by_its_name(
    app: JobRunner, option: str, value: Any
) -> None:
    given = {"study_name": "x", "sampler": TpeSampler(), "pruner": NoPruner(), option: value}
    with pytest.raises(ConfigError, match=rf"hydra\.sweeper\.{option}="):
        make_plan(SweepOptions(**given), app, ["model.units=range(8,129)"])


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb", "a\x9bb", "a/b", ".a", ""])
def test_a_study_s_name_is_printable_text(app: JobRunner, name: str) -> None:
    options = SweepOptions(study_name=name, sampler=TpeSampler(), pruner=NoPruner())
    with pytest.raises(ConfigError, match="must be a plain name") as refusal:
        make_plan(options, app, ["model.units=range(8,129)"])
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("word", ["+model.unitz=5", "model.units=choice(-3,8)"])
def test_what_the_task_refuses_is_refused_before_anything_is_said_or_read(
    app: JobRunner, word: str
) -> None:
    looked_at: list[object] = []
    app.task = hooked(Hooks(check=check_config, check_data=looked_at.append))(app.task)
    options, shown = SweepOptions(study_name="x", sampler=TpeSampler(), pruner=NoPruner()), []
    words = ["training.epochs=range(1,4)", "data=synthetic"]
    with pytest.raises(ConfigError, match=r"model\.unit"):
        make_plan(options, app, [*words, word], lambda *read: shown.append(read))
    assert shown == looked_at == []
    plan = make_plan(options, app, words, lambda *read: shown.append(read))
    assert len(shown) == 1 and [config.training.epochs for config in plan.to_check] == [10, 1, 3]


def test_a_network_of_ones_own_is_searched_by_keys_of_its_own_and_its_source_counts(
    app: JobRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema of Besom's own configuration does not know ``model.filters``."""
    app.task = hooked(Hooks(check=check_config))(app.task)
    app.task.__module__ = check_config.__module__  # as for besom sweep's task
    (tmp_path / "network_for_test.py").write_text("def build(config, size, n_classes): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    options = SweepOptions(study_name="x", sampler=TpeSampler(), pruner=NoPruner())
    words = ["data=synthetic", "model.build=network_for_test:build"]
    plan = make_plan(options, app, [*words, "model.filters=choice(4,8)", "model.units=choice(1,2)"])
    assert plan.baseline_params is None  # it has no value for model.filters
    assert {d.key for d in plan.space.dimensions} == {"model.filters", "model.units"}
    assert app.compose(plan.space.propose({"model.filters": 8})).model.filters == 8
    without = make_plan(options, app, ["data=synthetic", "model.units=choice(1,2)"])
    assert without.source.digest and plan.source.digest
    assert plan.source.digest.startswith(without.source.digest) and plan.source != without.source
    with pytest.raises(ConfigError, match=r"no key `model\.unit`; did you mean `model\.units`"):
        make_plan(options, app, ["data=synthetic", "model.unit=choice(1,2)"])
