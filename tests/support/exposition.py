"""
All that the operator serves at /metrics, as families: name, type and labels of each.

Of a process in which everything has happened once::

    served = asyncio.run(exposition.of_everything())
    served["rds_ssl_leader"].labels == ("lease", "shard")
"""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from rds_ssl.core.checks.figures import End, Figures, Held
from rds_ssl.core.model import Priority, Restart
from rds_ssl.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric, as docs/monitoring.md has it: a counter with its ``_total``."""

    name: str
    kind: str
    labels: tuple[str, ...]
    """By the alphabet."""


async def text() -> str:
    """Return all of it as it is served."""
    return (await _happened().exposition()).decode()


async def of_everything() -> dict[str, Family]:
    """Return the families of rds_ssl by name."""
    found: dict[str, Family] = {}
    for family in text_string_to_metric_families(await text()):
        if not family.name.startswith("rds_ssl_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = tuple(sorted({*family.samples[0].labels} - {"le"}))
        found[name] = Family(name=name, kind=family.type, labels=labels)
    return found


def by_sample(families: Mapping[str, Family]) -> dict[str, Family]:
    """Return the same by the names of their samples, as queries name them."""
    found: dict[str, Family] = {}
    for name, family in families.items():
        endings = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
        found |= {f"{name}{ending}": family for ending in endings}
    return found


def _happened() -> Metrics:
    metrics = Metrics()
    metrics.pass_ended("done", 0.1)
    metrics.api_call("DescribeDBInstanceSSL", "OK", 0.1)
    metrics.api_waited(Priority.RESYNC, 5.0)
    metrics.change_started("rotation", ["Restart"])
    metrics.change_verified()
    metrics.change_failed("ApplyFailed")
    metrics.change_ended(Restart.EXPECTED, seen=True)
    metrics.watch(
        queue_depth=lambda: 1,
        queue_oldest_age=lambda: 1.0,
        watch_age=lambda: 1.0,
        clock_skew=lambda: 0.0,
        shards=lambda: 1,
        objects=lambda: {("True", "Verified"): 1},
        plans=lambda: {("AwaitingWindow", "Expected"): 1},
        leads=lambda: {("1/1", "rds-ssl-operator"): 1},
        waiting=lambda: {("resync",): 1},
        slowed=lambda: {("DescribeDBInstanceSSL",): 1.0},
    )
    figures = Figures(
        ready=("True", "Verified"),
        conditions=(("Ready", "True", "Verified"),),
        ends=(End("server_certificate", "all", 1),),
        held=(Held("declared", "AwaitingWindow", "Expected", 1),),
    )
    metrics.watch_objects(lambda: [(("shop", "orders"), "pgm-orders", figures)], most=1)
    return metrics
