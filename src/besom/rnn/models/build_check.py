"""Builds the user's own network in a separate process, to check it.

Otherwise its errors would be found only by the first trial. The sweep's own process, which runs for
hours, imports neither the user's modules nor TensorFlow.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig, OmegaConf

from besom.app.modules.reference import working_folder
from besom.common.errors import ConfigError
from besom.common.machine.devices import VISIBLE

CONFIG, REFUSAL = "config.yaml", "refusal.txt"


def check_build(config: DictConfig, n_classes: int) -> None:
    """Refuse what :func:`besom.rnn.models.make_model` refuses. Takes seconds, and uses no GPU.

    Errors that the user's function raises are left to the trials, which show the traceback.

    Raises:
        ConfigError: see :func:`besom.rnn.models.own.build_own`.
    """
    with TemporaryDirectory(prefix="besom-") as temporary:
        folder = Path(temporary)
        (folder / CONFIG).write_text(OmegaConf.to_yaml(config, resolve=True), encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", __name__, str(folder), str(n_classes)],
            cwd=working_folder(),
            env=os.environ | {VISIBLE: "-1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if (folder / REFUSAL).exists():
            raise ConfigError((folder / REFUSAL).read_text(encoding="utf-8"))


def main(folder: Path, n_classes: int) -> None:
    """Build the network, and write a refusal, if any, into ``folder``."""
    from besom.rnn import environment
    from besom.rnn.models import make_model, reset

    config = OmegaConf.load(folder / CONFIG)
    assert isinstance(config, DictConfig)
    environment.prepare()
    reset(config.seed)
    try:
        make_model(config, n_classes)
    except ConfigError as error:
        (folder / REFUSAL).write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
