"""An API server that spoils every watch for a while: it is asked less often, and outlived."""

import asyncio
import collections
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web

from rds_ssl.core.model import PLURAL
from support import polling
from support.api_stand_in import standing_in
from support.cluster import Cluster
from support.shop import Shop, sweep
from support.simulator import Simulator
from support.succession import Succession

SPOILT_SECONDS = 20.0

MOST_LISTS = {"secrets": 8, "configmaps": 8, PLURAL: 16}
"""In that time, two pages each; of the objects there are two watches, kopf's and ours."""

MOST_WATCHES = 16
"""Of one kind, in that time; of the objects twice as many."""

HALF = 0.5

ROTATIONS = 5
"""Changes one after the other while half of all answers are 500."""

PATIENCE = 120.0
"""For what has to come of a change afterwards."""


class Spoiler:
    """
    The API server, seen through a server that can spoil its watches; all else passes.

    In a thread of its own, so that a test can wait for a process.
    """

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self._cluster = cluster
        self._directory = directory
        self._ready = threading.Event()
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.kubeconfig = directory / "through.kubeconfig"
        self._spoils: bytes | int | None = None
        self._streams: set[aiohttp.ClientResponse] = set()
        self.fails: random.Random | None = None
        """Decides of each request whether it is answered 500, unseen by the API server."""
        self.lists: collections.Counter[str] = collections.Counter()
        self.watches: collections.Counter[str] = collections.Counter()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    def spoil(self, answer: bytes | int) -> None:
        """End every watch, answer each with a line of its stream or a status, and count anew."""
        self.lists.clear()
        self.watches.clear()
        self._spoils = answer
        assert self._loop is not None
        for each in list(self._streams):
            self._loop.call_soon_threadsafe(each.close)

    def mend(self) -> None:
        """Let everything pass."""
        self._spoils = None

    def close(self) -> None:
        """End it."""
        if self._loop is not None and self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        trusted = ssl.create_default_context(cafile=str(self._cluster.control_plane.ca_file))
        async with (
            standing_in(self._directory) as server,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted, limit=0)) as onward,
        ):
            self._onward = onward
            server.answer = self._answer
            (self._directory / "root.pem").write_bytes(server.root.pem)
            content = yaml.safe_load(self._cluster.kubeconfig.read_text())
            for each in content["clusters"]:
                each["cluster"] = {
                    "server": server.url,
                    "certificate-authority": str(self._directory / "root.pem"),
                }
            self.kubeconfig.write_text(yaml.safe_dump(content))
            self._ready.set()
            await self._ended.wait()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.fails is not None and self.fails.random() < HALF:
            return web.json_response({"message": "spoilt"}, status=500)
        kind = request.path.rpartition("/")[2]
        if "watch" in request.query:
            self.watches[kind] += 1
            if isinstance(self._spoils, int):
                return web.json_response({"message": "spoilt"}, status=self._spoils)
            if self._spoils is not None:
                return web.Response(body=self._spoils, content_type="application/json")
        elif request.method == "GET" and "fieldSelector" not in request.query:
            self.lists[kind] += 1
        return await self._pass_on(request)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name in {"Authorization", "Accept", "Content-Type", "User-Agent"}
        }
        url = f"{self._cluster.control_plane.url}{request.raw_path}"
        async with self._onward.request(
            request.method, url, headers=headers, data=await request.read() or None
        ) as there:
            response = web.StreamResponse(status=there.status)
            response.content_type = "application/json"
            await response.prepare(request)
            self._streams.add(there)
            try:
                async for chunk in there.content.iter_any():
                    await response.write(chunk)
            finally:
                self._streams.discard(there)
            return response


@pytest.fixture
def spoiler(cluster: Cluster, tmp_path: Path) -> Iterator[Spoiler]:
    """The operator's way to the API server."""
    spoiler = Spoiler(cluster, tmp_path)
    yield spoiler
    spoiler.close()


@pytest.fixture
def operators(cluster: Cluster, rds: Simulator, spoiler: Spoiler) -> Iterator[Succession]:
    """One operator that lives through all of this."""
    settings = {"RESYNC": "3600s", "SETTLE": "3s", "POLL": "1s", "VERIFY_AFTER": "0s"}
    with Succession(kubeconfig=spoiler.kubeconfig, api_url=rds.url, **settings) as operators:
        operators.start().wait_ready()
        yield operators
    sweep(cluster)


def wait(fact: Callable[[], bool]) -> None:
    polling.wait(lambda: None if fact() else "not so", seconds=PATIENCE)


def line(code: int) -> bytes:
    return (
        b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure",'
        b'"message":"spoilt","reason":"Expired","code":%d}}\n' % code
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "spoils",
    [
        pytest.param(line(410), id="410 in the stream"),
        pytest.param(line(500), id="500 in the stream"),
        pytest.param(410, id="410"),
        pytest.param(500, id="500"),
        pytest.param(b"", id="ended at once"),
    ],
)
def test_an_api_server_that_spoils_every_watch_is_asked_seldom_and_outlived(
    shop: Shop, operators: Succession, spoiler: Spoiler, spoils: bytes | int
) -> None:
    shop.start_custom(approvalRequired=[])
    spoiler.spoil(spoils)
    wanted = shop.leaf()
    operators.secrets.append(wanted.key_pem())
    began = time.monotonic()
    polling.wait(
        lambda: None if time.monotonic() - began > SPOILT_SECONDS else "not yet",
        seconds=2 * SPOILT_SECONDS,
    )
    lists, watches = dict(spoiler.lists), dict(spoiler.watches)
    print(f"lists {lists}, watches {watches}")
    spoiler.mend()
    shop.write_pair(wanted)

    wait(lambda: shop.truth()["accepted"] == 2)
    shop.patch(serverCertificate=None)
    wait(lambda: shop.truth()["accepted"] == 3)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (3, 3, 3)
    assert operators.now.poll() is None
    assert operators.now.get("/healthz")[0] == 200
    assert all(lists.get(kind, 0) <= most for kind, most in MOST_LISTS.items())
    assert all(
        watches.get(kind, 0) <= MOST_WATCHES * (2 if kind == PLURAL else 1) for kind in MOST_LISTS
    )


@pytest.mark.timeout(600)
def test_with_half_of_all_answers_500_each_rotation_is_sent_once_and_verified(
    shop: Shop, operators: Succession, spoiler: Spoiler
) -> None:
    shop.start_custom()
    spoiler.fails = random.Random(1)  # noqa: S311  # It can be repeated.
    took = []

    for number in range(2, 2 + ROTATIONS):
        wanted = shop.leaf()
        operators.secrets.append(wanted.key_pem())
        shop.write_pair(wanted)
        began = time.monotonic()
        wait(lambda number=number: shop.truth()["accepted"] == number)
        took.append(time.monotonic() - began)
        wait(lambda: not shop.status().get("operation"))

    print(f"sent after {[round(each, 1) for each in took]}")
    spoiler.fails = None
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1 + ROTATIONS,) * 3
    assert shop.ssl()["server_sha256"] == wanted.sha256
