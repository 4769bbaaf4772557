"""
What an event of the object watch costs on its way through kopf, and how long it takes.

    PYTHONPATH=tests python -m bench.event_cost [--events NUMBER] [--runs NUMBER]

An API server of this file's own, in a process of its own, lists as many objects as there are
events and sends a MODIFIED of each: all at once, which measures CPU, and one each ten milliseconds,
which measures the time from the write of a line to the router. ``floor`` is the same stream read,
split and decoded with nothing else done.
"""

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
from aiohttp import web

from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from rds_ssl.engine.events import handlers
from rds_ssl.engine.events.router import EventRouter
from rds_ssl.kube.client import KubeClient
from support.polling import patience

_PATH = f"/apis/{API_GROUP}/{API_VERSION}"
_PACE = 0.01
_VERBS = {"verbs": ["get", "list", "watch", "patch"]}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.event_cost")
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="be the API server")
    options = parser.parse_args()
    logging.getLogger("kopf").setLevel(logging.WARNING)  # As telemetry does.
    if options.serve:
        asyncio.run(_serve(options.events))
        return 0
    for name, measure in (("floor", _floor), ("kopf", _through_kopf)):
        costs: list[float] = []
        delays: list[float] = []
        for _ in range(options.runs):
            cost, delay = asyncio.run(measure(options.events))
            costs.append(cost)
            delays += delay
        low, middle, high = (
            1000 * each for each in (min(costs), statistics.median(costs), max(costs))
        )
        p95 = sorted(delays)[int(len(delays) * 0.95)]
        print(
            f"{name:6} CPU per event, min/median/max of {options.runs}:"
            f" {low:.3f} {middle:.3f} {high:.3f} ms;"
            f" line written -> router, p50/p95/max:"
            f" {1000 * statistics.median(delays):.1f} {1000 * p95:.1f} {1000 * max(delays):.1f} ms"
        )
    return 0


class _Seen:
    """Counts what comes in, in the place of the engine's router."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self.number = 0
        self.complete = asyncio.Event()
        self.wanted = 0

    def observe(self, _: str | None, manifest: Mapping[str, Any]) -> None:
        self.times[manifest["metadata"]["resourceVersion"]] = time.monotonic()
        self.number += 1
        if self.number >= self.wanted:
            self.complete.set()

    async def wait_for(self, number: int) -> None:
        self.wanted = number
        self.complete.clear()
        if self.number < number:
            await asyncio.wait_for(self.complete.wait(), patience(60))


class _Kube:
    """As much of `KubeClient` as kopf's credentials need."""

    def __init__(self, server: str) -> None:
        self.server = server

    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(read_bufsize=2**21)


@asynccontextmanager
async def _server(events: int) -> AsyncIterator[str]:
    command = [sys.executable, "-m", "bench.event_cost", "--serve", "--events", str(events)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def _through_kopf(events: int) -> tuple[float, list[float]]:
    seen = _Seen()
    async with _server(events) as server:
        kube, router = cast("KubeClient", _Kube(server)), cast("EventRouter", seen)
        async with handlers.watching(kube, router, namespaces=(), selector=""):
            return await _measured(server, seen, events)


async def _floor(events: int) -> tuple[float, list[float]]:
    seen = _Seen()
    async with _server(events) as server, aiohttp.ClientSession() as session:
        async with session.get(f"{server}{_PATH}/{PLURAL}") as response:
            for item in (await response.json())["items"]:
                seen.observe(None, item)
        watch = asyncio.create_task(_read(session, server, seen))
        try:
            return await _measured(server, seen, events)
        finally:
            watch.cancel()


async def _read(session: aiohttp.ClientSession, server: str, seen: _Seen) -> None:
    rest = b""
    async with session.get(f"{server}{_PATH}/{PLURAL}", params={"watch": "1"}) as response:
        async for chunk in response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                seen.observe(event["type"], event["object"])


async def _measured(server: str, seen: _Seen, events: int) -> tuple[float, list[float]]:
    await seen.wait_for(events)
    async with aiohttp.ClientSession(server) as session:
        await asyncio.sleep(1.5)  # The workers of the list have ended.
        before = time.process_time()
        async with session.post("/burst"):
            await seen.wait_for(2 * events)
        # What an event leaves behind, such as the end of its worker, is a part of its price.
        await asyncio.sleep(1.5)
        cost = (time.process_time() - before) / events
        async with session.post("/paced") as response:
            written: dict[str, float] = await response.json()
        await seen.wait_for(2 * events + len(written))
    return cost, [seen.times[version] - at for version, at in written.items()]


async def _serve(events: int) -> None:
    server = _Server(events)
    app = web.Application()
    app.router.add_get("/api", server.versions)
    app.router.add_get("/api/v1", server.core)
    app.router.add_get("/apis", server.groups)
    app.router.add_get(_PATH, server.resources)
    app.router.add_get(f"{_PATH}/{PLURAL}", server.objects)
    app.router.add_post("/burst", server.burst)
    app.router.add_post("/paced", server.paced)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("http://{}:{}".format(*runner.addresses[0]), flush=True)
    await asyncio.Event().wait()


class _Server:
    """The API server: discovery, a list, a watch, and when to send."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._version = events
        self._watch = asyncio.Queue[bytes]()

    async def versions(self, _: web.Request) -> web.Response:
        return web.json_response({"versions": ["v1"]})

    async def core(self, _: web.Request) -> web.Response:
        namespaces = {"name": "namespaces", "singularName": "", "kind": "Namespace"}
        return web.json_response({"resources": [{**namespaces, "namespaced": False, **_VERBS}]})

    async def groups(self, _: web.Request) -> web.Response:
        version = {"groupVersion": f"{API_GROUP}/{API_VERSION}", "version": API_VERSION}
        group = {"name": API_GROUP, "versions": [version], "preferredVersion": version}
        return web.json_response({"groups": [group]})

    async def resources(self, _: web.Request) -> web.Response:
        resource = {"name": PLURAL, "singularName": "", "kind": KIND, "namespaced": True}
        return web.json_response({"resources": [{**resource, **_VERBS}]})

    async def objects(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            items = [_manifest(each, each) for each in range(self._events)]
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(await self._watch.get())

    async def burst(self, _: web.Request) -> web.Response:
        self._watch.put_nowait(b"".join(self._line(each) for each in range(self._events)))
        return web.Response()

    async def paced(self, _: web.Request) -> web.Response:
        written = {}
        for each in range(min(self._events, 100)):
            line = self._line(each)
            written[str(self._version)] = time.monotonic()
            self._watch.put_nowait(line)
            await asyncio.sleep(_PACE)
        return web.json_response(written)

    def _line(self, number: int) -> bytes:
        self._version += 1
        event = {"type": "MODIFIED", "object": _manifest(number, self._version)}
        return json.dumps(event).encode() + b"\n"


def _manifest(number: int, version: int) -> dict[str, Any]:
    condition = {"status": "True", "reason": "InSync", "message": "m" * 120}
    fields: dict[str, Any] = {f"f:{each}": {"f:" + "k" * 20: {}} for each in range(20)}
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": KIND,
        "metadata": {
            "name": f"object-{number}",
            "namespace": "bench",
            "uid": f"uid-{number}",
            "resourceVersion": str(version),
            "generation": 1,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "a" * 600},
            "labels": {"app": "bench"},
            "managedFields": [{"manager": each, "fieldsV1": fields} for each in ("a", "b")],
        },
        "spec": {"instanceID": f"rm-{number}", "certificate": {"secretRef": {"name": "s"}}},
        "status": {
            "conditions": [{"type": f"T{each}", **condition} for each in range(5)],
            "observed": {f"field{each}": "v" * 40 for each in range(20)},
        },
    }


if __name__ == "__main__":
    sys.exit(main())
