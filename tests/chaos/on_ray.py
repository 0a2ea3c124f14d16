"""Sweeps on a Ray cluster of three nodes, in which actors, nodes and supervisors are killed.

``python -m tests.chaos.on_ray`` runs five seeds and prints a line for each.
"""

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests import warm
from tests.chaos.autopsy import Findings
from tests.chaos.harness import (
    CHECKOUT,
    MARK,
    N_CONFIRMATIONS,
    Hurt,
    Sizes,
    Victim,
    await_progress,
    deaths,
    kill_supervisor,
    wait_for,
)
from tests.processes import kill, processes
from tests.ray_cluster import RayCluster, ray_cluster

N_NODES, N_CPUS = 3, 2
COLUMNS = "actors  nodes  supervisors  trials  attempts  losses  doubles  mismatches"
SLACK = 12 / 10
"""The factor by which more kills are planned than must happen: some find no process, and the last
ones come after the sweep's end."""


@dataclass(frozen=True)
class Blows:
    actors: int = 100
    nodes: int = 10
    supervisors: int = 5


def victim_on(cluster: RayCluster, folder: Path, sizes: Sizes) -> Victim:
    """Return a sweep on the cluster; its nodes get the mark and this checkout's path from it."""
    address = f"hydra.sweeper.ray.address={cluster.address}"
    victim = Victim(folder, sizes, "hydra.sweeper.pool=ray", address, variables=cluster.variables)
    variables = f"{{{MARK}: '{victim.mark}', PYTHONPATH: '{CHECKOUT}'}}"
    victim.words += (f"hydra.sweeper.ray.runtime_env={{env_vars: {variables}}}",)
    victim.gone_seconds = 10
    return victim


def hurt_on_ray(
    folder: Path, seed: int, sizes: Sizes, blows: Blows
) -> tuple[Hurt, list[float], Findings]:
    """Kill at random, evenly over the sweep; also return the seconds to report each lost node."""
    chance, told = random.Random(seed), list[float]()
    with ray_cluster(N_NODES, N_CPUS) as cluster:
        victim, done = victim_on(cluster, folder, sizes), Hurt()
        nodes = list(range(N_NODES))
        sweep = victim.start()
        try:
            for at, blow in _order(chance, sizes, blows):
                sweep = await_progress(victim, sweep, at, done)
                if sweep.poll() is not None:
                    break
                if blow == "supervisors":
                    sweep = kill_supervisor(victim, sweep, done)
                elif blow == "nodes":
                    told += _kill_node(victim, cluster, nodes, chance)
                    done.restarts += 1
                else:
                    _kill_actor(victim, sweep, chance, done)
            sweep = await_progress(victim, sweep, sys.maxsize, done)
            assert sweep.wait(timeout=600) == 0, victim.output()[-3000:]
        finally:
            sweep.kill()
        return done, told, victim.examine()


def _order(chance: random.Random, sizes: Sizes, blows: Blows) -> list[tuple[int, str]]:
    """Return, in order, how many trials end before each kill, and its kind. Each kind is spread: it
    has one kill in every equal part of the sweep."""
    last = sizes.trials + N_CONFIRMATIONS - 2
    numbers = {
        "actors": int(blows.actors * SLACK),
        "nodes": int(blows.nodes * SLACK),
        "supervisors": int(blows.supervisors * SLACK),
    }
    return sorted(
        (int((part + chance.random()) * last / n), kind)
        for kind, n in numbers.items()
        for part in range(n)
    )


def _kill_node(
    victim: Victim, cluster: RayCluster, nodes: list[int], chance: random.Random
) -> list[float]:
    """Kill a node and add a new one; return the seconds until the sweep reported a lost trial."""
    before, began = deaths(victim), time.monotonic()
    cluster.kill(nodes.pop(chance.randrange(len(nodes))))
    told = []
    while time.monotonic() - began < 3 and not told:
        told = [time.monotonic() - began] if deaths(victim) > before else []
        time.sleep(0.01)
    nodes.append(cluster.add(N_CPUS))
    return told


def _kill_actor(victim: Victim, sweep: warm.Process, chance: random.Random, done: Hurt) -> None:
    """Kill an actor, then wait for a trial to end: kills faster than actors start end any sweep."""
    ended = victim.n_ended()
    _kill_some_actor(victim, sweep, chance, done)
    began = time.monotonic()
    while time.monotonic() - began < 2 and sweep.poll() is None and victim.n_ended() == ended:
        time.sleep(0.05)


def _kill_some_actor(
    victim: Victim, sweep: warm.Process, chance: random.Random, done: Hurt
) -> None:
    wait_for(lambda: _actors(victim) or sweep.poll() is not None, 120)
    before = deaths(victim)
    try:
        kill(chance.choice(_actors(victim)))
    except (ProcessLookupError, IndexError):
        return
    began = time.monotonic()
    done.worker_kills += 1
    while time.monotonic() - began < 1 and sweep.poll() is None:
        if deaths(victim) > before:
            done.noticed.append(time.monotonic() - began)
            return
        time.sleep(0.01)


def _actors(victim: Victim) -> list[int]:
    mine = set(victim.survivors())
    return [p.pid for p in processes() if p.name.startswith("ray::Worker") and p.pid in mine]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.on_ray")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    options = parser.parse_args()
    faults = 0
    print(f"seed  {COLUMNS}  told of an actor (s)  of a node (s)  gone on (s)")
    for seed in range(options.first, options.first + options.seeds):
        sizes = Sizes(workers=N_NODES * N_CPUS, trials=200, seconds=0.25)
        with tempfile.TemporaryDirectory(prefix="besom-chaos-") as folder:
            done, told, found = hurt_on_ray(Path(folder), seed, sizes, Blows())
        numbers = (
            *(done.worker_kills, done.restarts, done.supervisor_kills),
            *(found.trials, found.attempts),
            *(len(found.losses), len(found.doubles), len(found.mismatches)),
        )
        cells = (f"{n:{len(name)}d}" for n, name in zip(numbers, COLUMNS.split(), strict=True))
        times = (f"{max(seconds, default=0):.1f}" for seconds in (done.noticed, told, done.gone_on))
        print(f"{seed:4d}  {'  '.join(cells)}  at most {', '.join(times)}", flush=True)
        for fault in found.faults:
            print(f"      {fault}")
        few = done.worker_kills < 100 or done.restarts < 10 or done.supervisor_kills < 5
        if few:
            print("      fewer blows than make this a test")
        faults += len(found.faults) + few
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
