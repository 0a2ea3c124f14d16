"""Loading the reviews for a model: Besom against ``load_data`` and ``pad_sequences``.

Each load has a process of its own; imports are not counted. Both sides load both splits of one
file, and must load the same.
"""

import json
import tempfile
from pathlib import Path

from benchmarks import commands
from benchmarks.harness import Goal, Row, main, pinned

SIZES = ("10000", "100")
PEER = "load_data + pad_sequences"


def measure(quick: bool) -> list[Row]:
    """Measure rounds of four loads: the peer, then Besom without cache, with it, and once more."""
    first, again, once_more, peer = [], [], [], []
    with pinned(1):
        for _ in range(2 if quick else 5):
            with tempfile.TemporaryDirectory() as scratch:
                stock, seen = _load("benchmarks.peers.load_data", Path(scratch))
                cold, kept = _load("benchmarks.loading", Path(scratch))
                warm, found = _load("benchmarks.loading", Path(scratch))
            assert seen == kept == found, "the two sides have loaded different reviews"
            peer.append(stock[0])
            first.append(cold[0])
            again.append(warm[0])
            once_more.append(warm[1])
    return [
        Row("first load on a machine", first, peer, PEER),
        Row("second load, in another process", again, peer, PEER, goal=Goal(20)),
        Row("next load of the same process", once_more, peer, PEER),
    ]


def _load(module: str, folder: Path) -> tuple[list[float], str]:
    """Run a process that loads; return the seconds of its loads and the digest of the data."""
    environment = {"BESOM_CACHE": str(folder), **commands.reviews()}
    ended = commands.run(commands.module(module, *SIZES), folder, environment)
    said = json.loads(ended.lines[-1][1])
    return said["seconds"], said["digest"]


if __name__ == "__main__":
    main("data", measure)
