"""
What a request to the API server costs in this process.

    PYTHONPATH=tests python -m bench.request_cost [--requests NUMBER] [--runs NUMBER]

GET of a Secret of 4 KB, and PATCH of a status of 3 KB that is answered with the object, eight at a
time, to a server of this file's own in a process of its own, over plain HTTP. ``floor`` is the same
by aiohttp alone.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web

from rds_ssl.kube.client import MERGE_PATCH, KubeClient

_PARALLEL = 8
_PATH = "/apis/rds-ssl.dev/v1alpha1/namespaces/bench/dbinstancessls/orders/status"
_SECRET_PATH = "/api/v1/namespaces/bench/secrets/orders"
_STATUS = {
    "metadata": {"resourceVersion": "1"},
    "status": {
        "conditions": [{"type": f"T{each}", "message": "m" * 150} for each in range(8)],
        "observed": {f"field{each}": "v" * 40 for each in range(24)},
    },
}
_SECRET = {
    "metadata": {"uid": "u", "resourceVersion": "1"},
    "data": {"tls.crt": "c" * 2600, "tls.key": "k" * 1400},
}

_Request = Callable[[], Awaitable[object]]


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.request_cost")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="be the API server")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return 0
    costs: dict[str, list[float]] = {}
    for _ in range(options.runs):
        for name, cost in asyncio.run(_measured(options.requests)).items():
            costs.setdefault(name, []).append(1000 * cost)
    print(f"CPU per request, min/median/max of {options.runs} runs of {options.requests}")
    for name, each in costs.items():
        print(f"{name:12} {min(each):.3f} {statistics.median(each):.3f} {max(each):.3f} ms")
    return 0


async def _measured(requests: int) -> dict[str, float]:
    async with _server() as server:
        with tempfile.TemporaryDirectory() as directory:
            kube = await KubeClient.connect(_kubeconfig(server, directory))
        async with aiohttp.ClientSession(server) as session:

            async def get() -> object:
                async with session.get(_SECRET_PATH) as response:
                    return json.loads(await response.read())

            async def patch() -> object:
                body, headers = json.dumps(_STATUS).encode(), {"Content-Type": MERGE_PATCH}
                async with session.patch(_PATH, data=body, headers=headers) as response:
                    return json.loads(await response.read())

            try:
                return {
                    "GET, floor": await _cost(get, requests),
                    "GET": await _cost(lambda: kube.request("GET", _SECRET_PATH), requests),
                    "PATCH, floor": await _cost(patch, requests),
                    "PATCH": await _cost(
                        lambda: kube.request("PATCH", _PATH, body=_STATUS), requests
                    ),
                }
            finally:
                await kube.close()


async def _cost(request: _Request, requests: int) -> float:
    async def several(number: int) -> None:
        for _ in range(number):
            await request()

    await asyncio.gather(*(several(2) for _ in range(_PARALLEL)))  # Connections are open.
    before = time.process_time()
    await asyncio.gather(*(several(requests // _PARALLEL) for _ in range(_PARALLEL)))
    return (time.process_time() - before) / (requests // _PARALLEL * _PARALLEL)


def _kubeconfig(server: str, directory: str) -> str:
    path = Path(directory, "kubeconfig")
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "s", "user": "u"}}],
        "clusters": [{"name": "s", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t" * 900}}],
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    command = [sys.executable, "-m", "bench.request_cost", "--serve"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def _serve() -> None:
    async def get(_: web.Request) -> web.Response:
        return web.json_response(_SECRET)

    async def patch(request: web.Request) -> web.Response:
        return web.json_response({**_SECRET, **json.loads(await request.read())})

    app = web.Application()
    app.router.add_get(_SECRET_PATH, get)
    app.router.add_patch(_PATH, patch)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("http://{}:{}".format(*runner.addresses[0]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
