"""Says in a line which option of the sweeper refers to something that is not there.

Hydra looks up all options before it calls the sweeper, and shows a traceback where one fails.
Callbacks are called before that: ``hydra/sweeper=besom`` brings this one along.
"""

import sys
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError

from besom.explain import explain

GROUP = "hydra/sweeper/callbacks"
NODE = {"besom": {"_target_": "hydra_plugins.besom.unresolved.Unresolved"}}


class Unresolved(Callback):
    """Looks at the options of a sweep that is about to start."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        try:
            OmegaConf.to_container(config.hydra.sweeper, resolve=True)
        except InterpolationResolutionError as error:
            refusal = explain(error)
            print(f"besom: {refusal}", file=sys.stderr)
            raise SystemExit(refusal.exit_code) from error
