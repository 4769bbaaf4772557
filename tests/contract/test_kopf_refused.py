"""kopf and an API server that accepts nobody: it is asked seldom, however often kopf logs in."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from rds_ssl.engine.events import handlers
from rds_ssl.engine.events.watchdog import Watchdog
from rds_ssl.kube.client import KubeClient
from support.api_stand_in import standing_in, write_kubeconfig

WATCHED_SECONDS = 3.0
MOST = 40
"""Requests in that time; with a pace for each login there were a thousand a second."""


class _NoWatchdog:
    """Takes what kopf shows, which is nothing."""

    def __init__(self) -> None:
        self.stale = asyncio.Event()

    def restarted(self) -> None:
        """See `Watchdog.restarted`."""

    def observe(self, kind: str | None, manifest: Mapping[str, Any]) -> None:
        """See `Watchdog.observe`."""


def test_an_api_server_that_accepts_no_credentials_is_asked_seldom(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": 401}, status=401)

    async def work() -> int:
        async with standing_in(tmp_path, tls=False) as server:
            server.answer = refuse
            user = {"token": "of-nobody"}
            path = write_kubeconfig(tmp_path / "config", cluster={"server": server.url}, user=user)
            kube = await KubeClient.connect(path)
            watching = asyncio.create_task(
                handlers.keep_watching(
                    kube,
                    cast("Watchdog", _NoWatchdog()),
                    namespaces=[],
                    selector="",
                    started=lambda: None,
                )
            )
            await asyncio.sleep(WATCHED_SECONDS)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await kube.close()
            return len(server.asked)

    asked = asyncio.run(work())

    print(f"asked {asked} times")
    assert 0 < asked <= MOST
