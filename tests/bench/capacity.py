"""
What an object costs in memory and etcd, and what that comes to with many of them.

    PYTHONPATH=tests .venv/bin/python -m bench.capacity --objects 1000,5000

Measured: the operator's memory with none and with each number of objects, that of one shard of
64 beside them, the bytes of an object as etcd has it, and how long the last objects took from a
new Secret to the call. Computed from these: docs/capacity.md says which is which.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench import bulk
from bench.material import Mint
from bench.naming import instance_of, name_of
from bench.population import Population, population
from bench.ready_watch import ReadyWatch
from bench.world import World
from rds_ssl.core.model import API_GROUP, API_VERSION, PLURAL
from support import pki, polling
from support.operator_process import OperatorProcess

REST = 10.0
"""Seconds until memory is read after a load."""

ROTATIONS = 10
"""As many as a history keeps."""

SHARDS = 64

SIZES = (100, 10_000, 100_000)

DAY = 86_400

_NO_LOOKS = {"RESYNC": "10h"}
"""So that all there is to see is what was done, not what is done again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was measured: MiB for a process, KiB for an object, bytes in etcd."""

    base_mib: float
    """What a process has that has begun to work, beside its objects."""
    own_kib: float
    others_kib: float
    stored_bytes: int
    """Of an object with a full history."""


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", default="1000,5000", help="numbers of objects, growing")
    levels = [int(each) for each in parser.parse_args().objects.split(",")]
    mint = Mint(keys=4, kind=pki.KeyType.EC)
    with World() as world, population(world, mint, namespace="capacity") as people:
        world.rds.config(durations={"window": 0.1, "change": 0.4, "acl": 0.2})
        costs = _measure(world, people, levels)
    _compute(costs)


def _measure(world: World, people: Population, levels: Sequence[int]) -> Costs:
    print(
        "| objects | memory, MiB | of a shard of 64 beside them, MiB | a Secret until its call,"
        " ms (median of 20) |\n|---|---|---|---|"
    )
    rows: list[tuple[int, float, float]] = []
    with ReadyWatch(world.cluster, people.namespace) as watch:
        known = 0
        for level in (0, *levels):
            people.create_as_declared(range(known, level))
            known = level
            with _operator(world) as operator:
                if level:
                    watch.wait_all(level, seconds=60 + level)
                _wait_for(operator, level)
                time.sleep(REST)
                own = operator.rss_mib()
                noticed = _noticed(world, people, level) if level else 0.0
            with _operator(world, SHARD=f"1/{SHARDS}") as operator:
                time.sleep(REST)
                other = operator.rss_mib()
            rows.append((level, own, other))
            print(f"| {level} | {own:.0f} | {other:.0f} | {1000 * noticed:.0f} |", flush=True)
        first, last = _bytes(world, people, number=0), 0
        with _operator(world) as operator:
            _wait_for(operator, known)
            for _ in range(ROTATIONS):
                _rotate(world, people, 0)
            last = _bytes(world, people, number=0)
    # Of the growth between the last two: what the first objects of a process cost is more.
    (few, some, beside_few), (many, most, beside_many) = rows[-2:]
    more = many - few
    own = (most - some) / more
    others = (beside_many - beside_few - own * more / SHARDS) / (more * (1 - 1 / SHARDS))
    print(f"\nAn object at first {first} bytes in etcd, after {ROTATIONS} rotations {last}.")
    return Costs(
        base_mib=some - own * few,
        own_kib=1024 * own,
        others_kib=1024 * others,
        stored_bytes=last,
    )


def _operator(world: World, **settings: str) -> OperatorProcess:
    operator = OperatorProcess(
        kubeconfig=world.cluster.kubeconfig,
        api_url=world.rds.url,
        environ=None,
        ahead=0.0,
        module="rds_ssl",
        **{**_NO_LOOKS, "VERIFY_AFTER": "0s", "SETTLE": "10s", "POLL": "0.5s", **settings},
    )
    return operator.wait_ready()


def _wait_for(operator: OperatorProcess, objects: int) -> None:
    """Wait until each has had a pass."""

    def problem() -> str | None:
        ended = operator.metric("rds_ssl_passes_total")
        return None if ended >= objects else f"{ended:.0f} of {objects} passes"

    polling.wait(problem, seconds=60 + objects)


def _noticed(world: World, people: Population, level: int) -> float:
    """Rotate some, one after the other; give the median of the seconds until each call."""
    return statistics.median(_rotate(world, people, each) for each in range(1, min(21, level)))


def _rotate(world: World, people: Population, number: int) -> float:
    """Give an object a new certificate, and wait for its end; give the seconds until the call."""
    before = world.rds.instance(instance_of(number))["accepted"]
    began = time.monotonic()
    bulk.send(world.cluster, [people.rotation(number)])
    while world.rds.instance(instance_of(number))["accepted"] == before:
        if time.monotonic() - began > 60:
            raise TimeoutError(f"{name_of(number)} was not changed")
        time.sleep(0.002)
    took = time.monotonic() - began

    def problem() -> str | None:
        status = world.cluster.get(people.namespace, name_of(number))["status"]
        ended = len(status.get("history", ())) and "operation" not in status
        return None if ended else f"{name_of(number)}: {status}"

    polling.wait(problem, seconds=60)
    return took


def _bytes(world: World, people: Population, *, number: int) -> int:
    """Give the bytes of an object as the API server stores it: JSON, managedFields included."""
    path = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{people.namespace}/{PLURAL}"
    found = world.cluster.request("GET", f"{path}/{name_of(number)}")
    return len(json.dumps(found, separators=(",", ":")).encode())


def _compute(costs: Costs) -> None:
    print(
        f"\nOf the two last rows: {costs.base_mib:.0f} MiB, and {costs.own_kib:.1f} KiB for each"
        f" object that is served, {costs.others_kib:.1f} KiB for each of another shard.\n"
        "\n| objects | looks a day at RESYNC 10m | a second | etcd, MB | memory, MiB: 1 process |"
        " each of 4 | each of 16 |\n|---|---|---|---|---|---|---|"
    )
    for size in SIZES:
        looks = size * DAY // 600
        row = [size, looks, f"{looks / DAY:.1f}", f"{size * costs.stored_bytes / 1e6:.0f}"]
        for shards in (1, 4, 16):
            served = size / shards
            kib = served * costs.own_kib + (size - served) * costs.others_kib
            row.append(f"{costs.base_mib + kib / 1024:.0f}")
        print("| " + " | ".join(map(str, row)) + " |")


if __name__ == "__main__":
    main()
