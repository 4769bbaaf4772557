"""
A server for the pages that probes and Prometheus read: few connections, and none for ever.

aiohttp takes any number of them, waits an hour for a request's headers, and for ever for somebody
who does not read an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

PATIENCE = 5.0
"""
Seconds for a whole request, and again for its answer; an idle connection ends as soon. A probe
gives up after one, a scrape after ten in all.
"""

MOST_CONNECTIONS = 100
"""At a time: a kubelet, some Prometheuses and people. The oldest makes way for the next."""

Page = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class PatientServer(web.Server):
    """Serves *pages* by their path, to whoever asks in time; made in the loop that runs it."""

    def __init__(
        self,
        pages: Mapping[str, Page],
        *,
        patience: float | None = None,
        **options: Any,  # noqa: ANN401  # aiohttp's.
    ) -> None:
        """
        Make it.

        Args:
            pages: What is served, by path.
            patience: Seconds for a request, and again for its answer; None: `PATIENCE`.
            options: Of aiohttp's server.
        """
        super().__init__(self._answer, keepalive_timeout=PATIENCE, **options)
        self._pages = pages
        self._patience = PATIENCE if patience is None else patience
        self._ends: dict[RequestHandler, asyncio.TimerHandle] = {}
        """When each connection is ended, those that came first at the beginning."""

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Let the oldest connection go if there are too many."""
        super().connection_made(handler, transport)
        self._wait(handler)
        if len(self._ends) > MOST_CONNECTIONS:
            self._end(next(iter(self._ends)))

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        timer = self._ends.pop(handler, None)
        if timer is not None:
            timer.cancel()
        super().connection_lost(handler, exc)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._wait(request.protocol)  # For the answer to be read, and the next request.
        page = self._pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        if request.method not in {"GET", "HEAD"}:
            raise web.HTTPMethodNotAllowed(request.method, ("GET", "HEAD"))
        return await page(request)

    def _wait(self, handler: RequestHandler) -> None:
        if handler in self._ends:
            self._ends[handler].cancel()
        loop = asyncio.get_running_loop()
        self._ends[handler] = loop.call_later(self._patience, self._end, handler)

    def _end(self, handler: RequestHandler) -> None:
        timer = self._ends.pop(handler, None)
        if timer is not None:
            timer.cancel()
        if handler.transport is not None:
            handler.transport.abort()  # What was not sent yet is for nobody.
