"""Writes the result files that other programs expect in a sweep's folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import Container, OmegaConf

from besom.common.addresses import mask
from besom.common.errors import StoreError
from besom.common.files import make_private, replace_text
from besom.search.space.space import spell
from besom.search.study import Study
from besom.search.trial_row import TrialRow
from besom.sweep.plan import Plan


def write_configuration(plan: Plan) -> None:
    """Write ``multirun.yaml``, the sweep's configuration, as Hydra's basic sweeper does."""
    _write(plan, "multirun.yaml", OmegaConf.to_yaml(plan.application.master))


def write_results(plan: Plan, study: Study) -> None:
    """Write ``optimization_results.yaml`` of the whole study, as hydra-optuna-sweeper does.

    Nothing is written as long as no trial is complete.
    """
    best = study.best()
    if not best:
        return
    found: dict[str, Any] = {"name": "optuna"}
    if plan.objective.single:
        found |= {"best_params": _params(plan, best[0]), "best_value": best[0].values[0]}
    else:
        rows = [{"params": _params(plan, row), "values": list(row.values)} for row in best]
        found |= {"solutions": rows}
    _write(plan, "optimization_results.yaml", OmegaConf.to_yaml(OmegaConf.create(found)))


def _params(plan: Plan, row: TrialRow) -> Mapping[str, Any]:
    """Return the searched values by override key; texts and null as overrides spell them."""
    searched = {dimension.key: dimension for dimension in plan.space.dimensions}
    found = {}
    for key, value in row.shown.items():
        dimension = searched.get(key)
        spelled = dimension.spelled if dimension else spell
        is_spelled = row.outside is not None and _is_composite(plan, key)
        found[dimension.element if dimension else key] = (
            spelled(value) if isinstance(value, str | None) and not is_spelled else value
        )
    return found


def _is_composite(plan: Plan, key: str) -> bool:
    """Return whether the baseline has a list, a mapping or a group's options there: such values
    are kept as overrides write them."""
    is_group = any(
        dimension.is_group and dimension.key == key for dimension in plan.space.dimensions
    )
    return is_group or isinstance(OmegaConf.select(plan.baseline, key), Container)


def _write(plan: Plan, name: str, text: str) -> None:
    folder = Path(plan.application.master.hydra.sweep.dir)
    try:
        make_private(folder)
        replace_text(folder / name, mask(text))
    except OSError as error:
        raise StoreError(f"{folder / name} cannot be written: {error.strerror}.") from error
