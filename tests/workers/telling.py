"""A task that sends each kind of message, and fails if ``x`` is above 1."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

import besom


def tell(config: DictConfig) -> dict[str, float]:
    besom.expect(2)
    besom.log({"parameters": 7})
    for step in (1, 2):
        besom.report(step, loss=1 / step)
    if config.x > 1:
        raise ValueError("x is above 1")
    note = Path(HydraConfig.get().runtime.output_dir, "note.txt")
    note.write_text("seen")
    besom.save(note)
    besom.table("errors", [{"text": "dull"}])
    return {"loss": config.x}
