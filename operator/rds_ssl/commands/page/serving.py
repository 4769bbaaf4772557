"""
The server of the page: on loopback, for GET and HEAD, and for nobody who came by another name.

It reads the cluster when a page is asked for, with the viewer's own rights, and keeps what it read
for `FRESH` seconds: to reload a page in a hurry costs the API server nothing.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from urllib.parse import urlsplit

from aiohttp import web

from rds_ssl.commands.cluster import Cluster, work
from rds_ssl.commands.page import pages, rendering
from rds_ssl.commands.page.items import Item
from rds_ssl.commands.page.pages import Snapshot
from rds_ssl.commands.page.query import Query
from rds_ssl.commands.types import Access
from rds_ssl.core.errors import CommandRefused
from rds_ssl.web_server import Page, PatientServer

HOST = "127.0.0.1"

FRESH = 2.0
"""Seconds for which what was read is shown again."""

PATIENCE = 60.0
"""Seconds for a request and its answer: a list of thousands, over a VPN."""

HEADERS: Mapping[str, str] = {
    # No script runs, nothing comes from elsewhere, and no other page frames it or reads it.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}

_OWN_NAMES = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


def is_own_name(host: str) -> bool:
    """
    True if a request came by a name of this machine.

    A foreign site can have its own name lead to 127.0.0.1 and would then read the page as its own
    (DNS rebinding); its name is what gives it away. The port is whatever a forwarding has made it.
    """
    return _OWN_NAMES.fullmatch(host) is not None


def serve(
    access: Access,
    *,
    port: int,
    operator_namespace: str,
    clock: Callable[[], datetime],
    tell: Callable[[str], object],
) -> None:
    """
    Serve the page until SIGINT or SIGTERM; *tell* gets its address once it is there.

    Raises:
        CommandRefused: The cluster cannot be read, or the port is taken.
    """

    async def run(cluster: Cluster) -> None:
        reader = Reader(
            cluster, clock, operator_namespace=operator_namespace, flags=flags_to(access)
        )
        await reader.snapshot()  # What cannot be read now is said now.
        async with serving(reader, port) as taken:
            tell(f"The page is at http://{HOST}:{taken}/ until Ctrl-C.")
            await _until_told()

    work(access, run)


def flags_to(access: Access) -> list[str]:
    """Return what leads a command to the same cluster; as whom is for whoever runs it."""
    pairs = (("--kubeconfig", access.kubeconfig), ("--context", access.context))
    return [word for flag, value in pairs if value for word in (flag, value)]


class Reader:
    """Reads the cluster for all who look, one at a time."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Callable[[], datetime],
        *,
        operator_namespace: str,
        flags: Sequence[str] = (),
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._operator_namespace = operator_namespace
        self._flags = tuple(flags)
        self._lock = asyncio.Lock()
        self._read: tuple[float, Snapshot] | None = None

    async def snapshot(self) -> Snapshot:
        """
        Return what the cluster has now, or had a moment ago.

        Raises:
            CommandRefused: It cannot be read.
        """
        loop = asyncio.get_running_loop()
        async with self._lock:
            if self._read is None or loop.time() - self._read[0] > FRESH:
                self._read = None
                found = await self._look()
                self._read = loop.time(), found
            return self._read[1]

    async def _look(self) -> Snapshot:
        manifests = await self._cluster.manifests()
        now = self._clock()
        return Snapshot(
            items=[Item.of(each) for each in manifests],
            leader=await self._cluster.who_works(self._operator_namespace, now),
            now=now,
            # Whoever writes a password into the URL of a server need not read it on a page.
            server=urlsplit(self._cluster.server).netloc.rpartition("@")[2],
            namespace=self._cluster.namespace or "",
            flags=self._flags,
        )


@asynccontextmanager
async def serving(reader: Reader, port: int) -> AsyncIterator[int]:
    """
    Serve what *reader* reads for as long as the block lasts; it gets the port that was taken.

    Raises:
        CommandRefused: It cannot be taken.
    """
    server = PatientServer(_pages(reader), patience=PATIENCE, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            raise CommandRefused(
                f"Port {port} of {HOST} cannot be taken: {os.strerror(error.errno or 0)}."
                " Choose another one with --port, or 0 for any that is free."
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _until_told() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    await told.wait()


def _pages(reader: Reader) -> Mapping[str, Page]:
    """Give what is served, by its path."""

    async def overview(request: web.BaseRequest) -> web.StreamResponse:
        query, snapshot = Query.of(request.query), await reader.snapshot()
        return _html(rendering.render("overview.html", page=pages.overview(snapshot, query)))

    async def plans(request: web.BaseRequest) -> web.StreamResponse:
        query, snapshot = Query.of(request.query), await reader.snapshot()
        return _html(rendering.render("plans.html", page=pages.plans(snapshot, query)))

    async def changes(request: web.BaseRequest) -> web.StreamResponse:
        query, snapshot = Query.of(request.query), await reader.snapshot()
        return _html(rendering.render("changes.html", page=pages.changes(snapshot, query)))

    async def one_object(request: web.BaseRequest) -> web.StreamResponse:
        namespace, name = (request.query.get(each, "") for each in ("namespace", "name"))
        snapshot = await reader.snapshot()
        query = Query(refresh=Query.of(request.query).refresh)
        page = pages.one_object(snapshot, query, namespace, name)
        if page is None:
            text = "There is no such object, or it is in a namespace that is not shown here."
            return _problem(text, status=404, request=request)
        return _html(rendering.render("object.html", page=page))

    async def style(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=rendering.STYLE, content_type="text/css")

    async def icon(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=rendering.ICON, content_type="image/svg+xml")

    found = {
        "/": overview,
        "/plans": plans,
        "/changes": changes,
        "/object": one_object,
        "/style.css": style,
        "/icon.svg": icon,
    }
    return {path: _guarded(page) for path, page in found.items()}


def _guarded(page: Page) -> Page:
    """Let a page answer to its own machine alone, with the headers that all have."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if not is_own_name(request.headers.get("Host", "")):
            found: web.StreamResponse = web.Response(
                status=403, text="This page answers to localhost and 127.0.0.1 alone.\n"
            )
        else:
            try:
                found = await page(request)
            except CommandRefused as refused:
                found = _problem(str(refused), status=503, request=request)
        found.headers.update(HEADERS)
        return found

    return answer


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html")


def _problem(text: str, *, status: int, request: web.BaseRequest) -> web.Response:
    # It loads itself again as the page would have: nobody stands before a screen on a wall.
    refresh = Query.of(request.query).refresh
    return _html(rendering.render("problem.html", text=text, refresh=refresh), status)
