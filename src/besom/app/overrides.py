"""The words of a command line, as Hydra keeps them with a configuration."""

from collections.abc import Sequence

from omegaconf import OmegaConf


def as_typed(words: Sequence[str]) -> list[str]:
    """Overrides with their interpolations as they were written.

    Iterated, the list would resolve ``twin=${lr}`` against the configuration that holds it, and a
    later composition would not follow another ``lr`` any more.
    """
    written = OmegaConf.to_container(words, resolve=False)
    assert isinstance(written, list)
    return written
