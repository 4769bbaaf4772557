"""The pages for probes and Prometheus: is it well, is it ready, and the metrics."""

from collections.abc import Callable, Mapping, Sequence

import aiohttp.web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from rds_ssl.metrics import Metrics
from rds_ssl.web_server import Page, PatientServer

Faults = Callable[[], Sequence[str]]
"""Tells what is wrong, one sentence each; nothing if all is well."""


class HttpServer:
    """``/healthz``, ``/readyz`` and ``/metrics``."""

    def __init__(
        self,
        *,
        bind: str,
        healthy: Faults,
        ready: Faults,
        metrics: Metrics,
        state: Callable[[], str] = lambda: "",
    ) -> None:
        """
        Make it.

        Args:
            bind: ``[HOST]:PORT``; port 0 takes any free one, an empty text serves nothing.
            healthy: What is wrong with the process.
            ready: What keeps it from being ready.
            metrics: Its numbers.
            state: Who leads, in words, for a person who asks whether it is ready.
        """
        self._bind = bind
        self._metrics = metrics
        self._pages: Mapping[str, Page] = {
            "/healthz": _probe(healthy),
            "/readyz": _probe(ready, state),
            "/metrics": self._give_metrics,
        }
        self._runner: aiohttp.web.ServerRunner | None = None

    @property
    def port(self) -> int | None:
        """The port that is served; None before `start`, after `stop`, or with nothing to serve."""
        addresses = self._runner.addresses if self._runner else []
        return int(addresses[0][1]) if addresses else None

    async def start(self) -> None:
        """
        Begin to serve.

        Raises:
            OSError: The address cannot be bound.
        """
        if not self._bind:
            return
        host, _, port = self._bind.rpartition(":")
        server = PatientServer(self._pages, access_log=None)
        self._runner = runner = aiohttp.web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        try:
            # No host is every address of the machine, IPv4 and IPv6.
            await aiohttp.web.TCPSite(runner, host.strip("[]") or None, int(port)).start()
        except BaseException:
            await runner.cleanup()
            raise

    async def stop(self) -> None:
        """End it; does nothing if it was not begun."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _give_metrics(self, _request: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        return aiohttp.web.Response(
            body=await self._metrics.exposition(),
            headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4},
        )


def _probe(faults: Faults, state: Callable[[], str] = lambda: "") -> Page:
    async def answer(_request: aiohttp.web.BaseRequest) -> aiohttp.web.StreamResponse:
        found = tuple(faults())
        lines = found or ("ok", *filter(None, [state()]))
        return aiohttp.web.Response(
            status=503 if found else 200, text="".join(f"{line}\n" for line in lines)
        )

    return answer
