"""
What tracing adds to a pass in this process, in microseconds.

    PYTHONPATH=tests python -m bench.trace_cost [--passes NUMBER] [--runs NUMBER]

A pass of four calls of the cloud and two requests to the API server that cost nothing themselves.
``floor`` is a pass that knows of no tracing, ``off`` one of a process without a collector, ``on``
one whose spans an exporter throws away, in the SDK's own thread.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from rds_ssl.engine.objects import Key
from rds_ssl.kube.client import KubeClient
from rds_ssl.metrics import Metrics
from rds_ssl.tracing import TracedClient, Tracing, provider_of
from rds_ssl.wiring import Parts, counted
from support.kube_answers import AnsweringKube

_KEY = ("bench", "orders")
_PATH = "/apis/rds-ssl.dev/v1alpha1/namespaces/bench/dbinstancessls/orders/status"


class _Traced(TracedClient, AnsweringKube):
    """A traced client without a server."""


class _Nowhere(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Throw them away."""
        del spans
        return SpanExportResult.SUCCESS


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.trace_cost")
    parser.add_argument("--passes", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    costs: dict[str, list[float]] = {}
    for _ in range(options.runs):
        for name, cost in asyncio.run(_measured(options.passes)).items():
            costs.setdefault(name, []).append(1e6 * cost)
    floor = statistics.median(costs["floor"])
    for name, each in costs.items():
        median = statistics.median(each)
        print(f"{name:6} {median:7.1f} us a pass  {median / floor:5.2f} x floor")
    return 0


async def _measured(passes: int) -> dict[str, float]:
    metrics = Metrics()
    tracing = Tracing(provider_of(BatchSpanProcessor(_Nowhere())))

    async def work(kube: KubeClient, on_call: Callable[[str, str, float], None]) -> str:
        for _ in range(4):
            on_call("DescribeDBInstanceSSL", "OK", 0.1)
        for method in ("GET", "PATCH"):
            await kube.request(method, _PATH)
        return "done"

    def parts(on: Tracing | None) -> Any:  # noqa: ANN401  # Of `Parts` what a pass takes.
        kube = AnsweringKube() if on is None else _Traced()
        on_call = metrics.api_call if on is None else on.telling(metrics.api_call)
        return SimpleNamespace(
            _metrics=metrics,
            _tracing=on,
            objects=SimpleNamespace(get=lambda _: None),
            reconciler=SimpleNamespace(step=lambda _: work(kube, on_call)),
        )

    plain, off, on = parts(None), parts(None), parts(tracing)

    async def before(key: Key) -> None:
        await counted(plain.reconciler.step(key), metrics.pass_ended)

    found = {
        "floor": await _timed(before, passes),
        "off": await _timed(partial(Parts.measured_step, cast("Parts", off)), passes),
        "on": await _timed(partial(Parts.measured_step, cast("Parts", on)), passes),
    }
    await tracing.close()
    return found


async def _timed(make_pass: Callable[[Key], Awaitable[None]], passes: int) -> float:
    """Return the CPU seconds of one pass, those of the SDK's thread included."""
    began = time.process_time()
    for _ in range(passes):
        await make_pass(_KEY)
    return (time.process_time() - began) / passes


if __name__ == "__main__":
    raise SystemExit(main())
