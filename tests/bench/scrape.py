"""
What a scrape costs: bytes, CPU, and how long it holds the loop at a time.

    PYTHONPATH=operator:tests python -m bench.scrape [--objects 1000,5000] [--runs NUMBER]

Of objects with mutual TLS, one in ten of them held: the text that the leader serves, made as
`rds_ssl.http_server` has it made, on a loop that does nothing else. Also what is kept of each
object for it, and what prometheus_client would cost in its place.
"""

import argparse
import asyncio
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from rds_ssl.core.api.status import Status, parse_status
from rds_ssl.core.checks.figures import Figures, figures
from rds_ssl.metrics import Metrics
from rds_ssl.object_series import Entry
from support import statuses

_END = "2027-03-01T00:00:00Z"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.scrape")
    parser.add_argument("--objects", default="1000,5000")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    print(f"{'objects':>8} {'series':>8} {'MB':>6} {'CPU ms':>7} {'held ms':>8}"
          f" {'kept KB':>8} {'prometheus_client ms':>21}")  # fmt: skip
    for count in map(int, options.objects.split(",")):
        print(_measured(count, options.runs))
    return 0


def _measured(count: int, runs: int) -> str:
    tracemalloc.start()
    entries = [_entry(number) for number in range(count)]
    kept = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    metrics = Metrics()
    metrics.watch_objects(lambda: entries, most=count)
    took, held, text = [], [], b""
    for _ in range(runs):
        began = time.process_time()
        text, longest = asyncio.run(_scrape(metrics))
        took.append(time.process_time() - began)
        held.append(longest)
    series = sum(not line.startswith(b"#") for line in text.splitlines())
    return (
        f"{count:>8} {series:>8} {len(text) / 1e6:>6.2f} {statistics.median(took) * 1e3:>7.1f}"
        f" {statistics.median(held) * 1e3:>8.1f} {kept / 1024:>8.2f}"
        f" {_by_the_library(entries) * 1e3:>21.0f}"
    )


async def _scrape(metrics: Metrics) -> tuple[bytes, float]:
    """Return the text, and the CPU seconds of the longest turn that it took of the loop."""
    longest = 0.0
    run: Callable[[asyncio.Handle], None] = asyncio.Handle._run  # noqa: SLF001  # As bench.held.

    def timed(handle: asyncio.Handle) -> None:
        nonlocal longest
        began = time.thread_time()
        run(handle)
        longest = max(longest, time.thread_time() - began)

    setattr(asyncio.Handle, "_run", timed)  # noqa: B010  # mypy minds the other way.
    try:
        text = await asyncio.create_task(metrics.exposition())
    finally:
        setattr(asyncio.Handle, "_run", run)  # noqa: B010
    return text, longest


def _entry(number: int) -> Entry:
    return ("shop", f"orders-{number:05}"), f"pgm-bp1{number:013}", _figures(held=number % 10 == 0)


def _figures(*, held: bool) -> Figures:
    return figures(_status(held=held))


def _status(*, held: bool) -> Status:
    ready = ("False", "AwaitingWindow") if held else ("True", "Verified")
    conditions = [
        statuses.condition("Ready", *ready, "Words."),
        statuses.condition("MaterialReady", "True", "MaterialAccepted", "Words."),
    ]
    pending = statuses.condition("ChangePending", "True", "AwaitingWindow", "Words.")
    return parse_status(
        {
            "conditions": [*conditions, *([pending] if held else [])],
            "observed": {
                "enabled": True,
                "serverCertificate": {"sha256": "leaf", "notAfter": _END},
                "clientCA": [{"sha256": "ca", "subject": "CN=ca", "notAfter": _END}],
                "revocationList": [
                    {"sha256": "list", "issuer": "CN=ca", "nextUpdate": "2027-01-01T00:00:00Z"}
                ],
            },
            **({"plan": statuses.plan(heldBy="AwaitingWindow")} if held else {}),
        }
    )


def _by_the_library(entries: list[Entry]) -> float:
    """Return the seconds that the library takes to fill and write the same, on the loop."""
    registry = CollectorRegistry()
    names = ("object_namespace", "object_name", "instance_id")
    ends = Gauge("ends", "Ends.", [*names, "kind", "refused"], registry=registry)
    states = Gauge("states", "States.", [*names, "type", "status", "reason"], registry=registry)
    began = time.process_time()
    for (namespace, name), instance_id, found in entries:
        for end in found.ends:
            ends.labels(namespace, name, instance_id, end.kind, end.refused).set(end.at)
        for kind, status, reason in found.conditions:
            states.labels(namespace, name, instance_id, kind, status, reason).set(1)
    generate_latest(registry)
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
