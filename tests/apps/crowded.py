"""A Hydra application that needs a single main module, with the state that its guard has set."""

import concurrent.futures
import functools
import logging
import multiprocessing
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import hydra
import shelf  # in the folder of this file
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

REGISTRY: dict[str, Any] = {}
ALIAS = REGISTRY
LIMIT = 0
PID = os.getpid()
REBOUND = os.getpid()
log = logging.getLogger(__name__)
OmegaConf.register_new_resolver("twice", lambda x: 2 * x)  # fails if it is registered already


@dataclass
class Model:
    kinds: ClassVar[dict[str, type]] = {}
    width: float = 0.0


@dataclass
class Config:
    w: float = 4.0
    pools: str = ""
    late: float = "${late:${w}}"  # type: ignore[assignment]
    model: Any = field(
        default_factory=lambda: {"_target_": "__main__.Model", "width": "${twice:${w}}"}
    )


store = ConfigStore.instance()
store.store(name="config", node=Config)


def timed(task: Callable[[DictConfig], float]) -> Callable[[DictConfig], float]:
    @functools.wraps(task)
    def call(config: DictConfig) -> float:
        return task(config)

    return call


def widen(model: Model) -> Model:
    assert type(model) is Model
    return Model(model.width + 1)


def set_up(limit: int) -> None:
    global LIMIT, REBOUND
    LIMIT = REBOUND = limit
    REGISTRY["model"] = Model
    REGISTRY["limit"] = lambda: LIMIT
    Model.kinds["plain"] = Model
    shelf.BOOKS["model"] = Model
    shelf.OPEN = True


def check_pools(methods: str) -> None:
    for method in filter(None, methods.split(",")):
        context = multiprocessing.get_context(method)
        with context.Pool(1) as pool:
            assert pool.map(widen, [Model(1)]) == [Model(2)]
        with concurrent.futures.ProcessPoolExecutor(1, context) as executor:
            assert executor.submit(widen, Model(1)).result() == Model(2)


@hydra.main(version_base=None, config_path=None, config_name="config")
@timed
def main(config: DictConfig) -> float:
    model = instantiate(config.model)
    assert type(model) is Model and type(pickle.loads(pickle.dumps(model))) is Model
    assert Model.__module__ == log.name == "__main__"
    assert REGISTRY["model"] is Model and REGISTRY is ALIAS and REGISTRY["limit"]() == LIMIT == 7
    assert Model.kinds == {"plain": Model} and {"model": Model} == shelf.BOOKS
    assert PID == os.getpid() == shelf.PID and REBOUND == 7 and shelf.OPEN
    assert store is ConfigStore.instance()
    assert bonus(Model(1)) == Extra(2.0)  # type: ignore[name-defined]
    check_pools(config.pools)
    return float(model.width + config.late)


if __name__ == "__main__":

    @dataclass
    class Extra(Model):
        """Defined only when the file is run."""

    def bonus(model: Model) -> Model:
        return Extra(widen(model).width)

    OmegaConf.register_new_resolver("late", lambda x: x + 1)
    with open("guarded", "a") as file:
        file.write("once\n")
    set_up(7)
    main()
