"""How well a model does on some reviews."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """Mean binary cross-entropy, and the share of right answers at the threshold 0.5."""

    loss: float
    accuracy: float
