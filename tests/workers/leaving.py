"""A task that saves several kinds of files and reads an earlier attempt's checkpoint."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

import besom


def leave(config: DictConfig) -> dict[str, float]:
    folder = Path(HydraConfig.get().runtime.output_dir)
    left = folder / "checkpoint.txt"
    before = float(left.read_text()) if left.exists() else 0.0
    left.write_text("7")
    besom.report(1, loss=before)
    hidden = folder / ".shape"
    hidden.write_text("(2, 3)")
    besom.save(hidden)
    with Path("large.bin").open("wb") as file:
        for _ in range(config.megabytes):
            file.write(bytes(1 << 20))
    besom.save("large.bin")
    beside = folder.parent / "beside.txt"
    beside.write_text("of all trials")
    besom.save(beside)
    left.unlink()
    print("printed by the task")
    return {"loss": before}
