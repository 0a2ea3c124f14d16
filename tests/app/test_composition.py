"""The configuration that Besom composes for a job equals Hydra's, flags of its nodes included."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from besom.app.composition import MOST_KEPT, Composer

FILES = {
    "config.yaml": """
defaults:
  - net: small
  - optional data: none
  - _self_
hydra:
  searchpath: [file://{extra}]
  job: {{env_copy: [BESOM_TEST]}}
lr: 0.1
layers: [1, 2]
nested: {{a: {{b: 1}}, c: "${{lr}}"}}
named: ${{hydra:job.num}}
""",
    "net/small.yaml": "units: 8\nkind: small\n",
    "net/large.yaml": "defaults: [part: deep, _self_]\nunits: 64\nkind: large\n",
    "net/part/deep.yaml": "depth: 3\n",
    "data/one.yaml": "path: one\n",
}
EXTRA = {"extra/more.yaml": "more: 1\n", "net/found.yaml": "units: 5\nkind: found\n"}
OVERRIDES = (
    (),
    ("lr=0.2",),
    ("lr=0.2", "net=large", "net.units=3", "nested.a.b=7"),
    ("net=found", "net.units=1"),
    ("data=one", "data.path=two"),
    ("net=large", "net/part=deep"),
    ("++new.key={x: [1,2]}", "~nested.a", "layers=[3]", "+other=null"),
    ("nested={a: {b: 2}}", "hydra.job.chdir=true", "lr=${nested.a.b}"),
    ("hydra/job_logging=none", "+extra=more", "net={units: 9}"),
    ("hydra.searchpath=[]", "net=large"),
    ("hydra.job.env_copy=[]", "hydra.job.config_name=x", "hydra.overrides.task=[q]"),
    ("lr='a,b'", "nested.c='=x'", "~lr", "+lr=3"),
)
WRONG = (
    ("lr=0.2", "absent=1"),
    ("net=absent",),
    ("net=large", "+lr=1"),
    ("~absent",),
    ("lr=1,2",),
    ("lr=[",),
    ("net=3",),
    ("net@x=large",),
)

Made = tuple[ConfigLoaderImpl, DictConfig]


GIVEN = ("hydra/sweeper=besom", "hydra.sweep.dir=jobs/${lr}-${now:%S}", "hydra.sweeper.n_trials=3")
GIVEN += ("hydra.sweep.subdir=trial-${hydra.job.num}", "+hydra.job.env_set.T=${oc.env:BESOM_TEST}")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Yield an application's loader, and the configuration of its sweep."""
    monkeypatch.setenv("BESOM_TEST", "there")
    monkeypatch.chdir(tmp_path)
    # Another test's dataclass of this name would be taken for the schema of the file.
    monkeypatch.delitem(ConfigStore.instance().repo, "config.yaml", raising=False)
    for folder, files in (("conf", FILES), ("extra", EXTRA)):
        for name, text in files.items():
            file = tmp_path / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.format(extra=tmp_path / "extra") if "{{" in text else text)
    version.setbase("1.3")
    hydra = Hydra.create_main_hydra2("task", create_config_search_path(str(tmp_path / "conf")))
    yield hydra.config_loader, hydra.compose_config("config", [*GIVEN], RunMode.MULTIRUN)


def whole(config: DictConfig) -> tuple[Any, ...]:
    """Return all that the comparison covers: the YAML, and some nodes' flags and types."""
    nodes = (config, config.hydra, config.net, config.hydra.runtime)
    flags = [(OmegaConf.is_struct(node), OmegaConf.is_readonly(node)) for node in nodes]
    types = [OmegaConf.get_type(node) for node in nodes]
    return OmegaConf.to_yaml(config), flags, types


def test_it_is_what_hydra_composes(made: Made) -> None:
    """One composer composes all jobs, in both orders: no job changes another's configuration."""
    loader, master = made
    composer = Composer(loader, master)
    for overrides in (*OVERRIDES, *reversed(OVERRIDES)):
        expected = loader.load_sweep_config(master, [*overrides])
        found = composer.compose(overrides)
        assert whole(found) == whole(expected), overrides
        found.hydra.runtime.output_dir = "elsewhere"
        OmegaConf.set_readonly(found, True)


@pytest.mark.parametrize("overrides", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_in_hydras_words(made: Made, overrides: tuple[str, ...]) -> None:
    loader, master = made
    with pytest.raises(Exception) as expected:
        loader.load_sweep_config(master, [*overrides])
    with pytest.raises(Exception) as found:
        Composer(loader, master).compose(overrides)
    assert (type(found.value), str(found.value)) == (type(expected.value), str(expected.value))


def test_files_are_read_once_for_each_choice_of_groups(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader, master = made
    composer, read = Composer(loader, master), list[list[str]]()
    whole_way = loader.load_sweep_config
    with monkeypatch.context() as patch:
        patch.setattr(
            loader,
            "load_sweep_config",
            lambda of, words: read.append(words) or whole_way(of, words),
        )
        for units in (1, 2, 3):
            for net in ("small", "large"):
                config = composer.compose([f"net.units={units}", f"net={net}"])
                of_hydra = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
                assert of_hydra == [*GIVEN], "interpolations stay: they may stand for secrets"
    assert read == [["net=small"], ["net=large"]]
    again = pickle.loads(pickle.dumps(composer))
    assert again._kept == {}, "another process reads them itself"
    assert again.compose(["net.units=3"]) == composer.compose(["net.units=3"])
    for n in range(MOST_KEPT + 1):
        ConfigStore.instance().store(f"n{n}", {"units": n}, "net")
        assert composer.compose([f"net=n{n}"]).net.units == n
    assert len(composer._kept) <= MOST_KEPT
