"""The simulator over HTTP: a thin shell around `Cloud.handle`."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from dataclasses import dataclass

import aiohttp.web

from rds_simulator.clock import wall_time
from rds_simulator.cloud import Cloud

SHUTDOWN_SECONDS = 0.01
"""For answers that are being held back; 0 would mean to aiohttp to wait for them for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where and how to listen."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    max_url_bytes: int = 8190
    """Of a request line; a longer one is answered 400, about where common gateways stop."""
    max_body_bytes: int = 1024 * 1024
    exit_with_stdin: bool = False
    """End when standard input does, so that a parent that is killed leaves nothing behind."""


def _application(cloud: Cloud, listen: Listen) -> aiohttp.web.Application:
    async def handle(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        body = await request.read()
        answer = cloud.handle(request.method, request.raw_path, request.headers, body, wall_time())
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.reset and request.transport is not None:
            request.transport.abort()
        return aiohttp.web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    application = aiohttp.web.Application(client_max_size=listen.max_body_bytes)
    application.router.add_route("*", "/{path:.*}", handle)
    return application


async def serve(cloud: Cloud, listen: Listen) -> None:
    """
    Serve until SIGTERM or SIGINT, after a line of JSON on standard output says where.

    Raises:
        OSError: If the address cannot be bound.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if listen.exit_with_stdin:
        _watch_stdin(ended, loop)
    runner = aiohttp.web.AppRunner(
        _application(cloud, listen),
        access_log=None,
        max_line_size=listen.max_url_bytes,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        site = aiohttp.web.TCPSite(runner, listen.host, listen.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        sys.stdout.write(json.dumps({"url": url, "admin_url": f"{url}/_sim"}) + "\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await runner.cleanup()


def _watch_stdin(ended: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Set *ended* at the end of standard input, which may be anything: pipe, file, /dev/null."""

    def read_to_the_end() -> None:
        # Not sys.stdin: a thread inside its lock would stop the interpreter from ending.
        while os.read(0, 4096):
            pass
        # The loop may have ended first.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read_to_the_end, daemon=True).start()
