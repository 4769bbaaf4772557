"""
What one signed call costs in CPU: `PYTHONPATH=tests .venv/bin/python -m bench.call_cost`.

Ours (sign, send, decode), and the same request with aiohttp alone, in turns against a server in
another process. Prints milliseconds of CPU a call: the best and the worst round.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import aiohttp
import aiohttp.web

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.transport import Transport, make_http_transport
from rds_ssl.core.secret_text import SecretText

ANSWER = json.dumps(
    {"RequestId": "R", "SSLEnabled": "Yes", "ServerCert": "c" * 4000, "ServerKey": "k" * 1700}
).encode()
CREDENTIALS = Credentials(access_key_id="LTAI", access_key_secret=SecretText("secret"))
CONCURRENCY = 16

Call = Callable[[str], Awaitable[object]]


async def serve() -> None:
    """Answer everything with `ANSWER`; print the port."""

    async def answer(request: aiohttp.web.BaseRequest) -> aiohttp.web.StreamResponse:
        await request.read()
        return aiohttp.web.Response(body=ANSWER, content_type="application/json")

    runner = aiohttp.web.ServerRunner(aiohttp.web.Server(answer))
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def cost(call: Call, url: str, *, calls: int) -> float:
    """Return the milliseconds of CPU of one call."""

    async def several(number: int) -> None:
        for _ in range(number):
            await call(url)

    await several(CONCURRENCY)
    started = time.process_time()
    await asyncio.gather(*(several(calls // CONCURRENCY) for _ in range(CONCURRENCY)))
    return (time.process_time() - started) / (calls // CONCURRENCY * CONCURRENCY) * 1000


async def measure(url: str, *, calls: int, rounds: int) -> dict[str, list[float]]:
    """Return the cost of each round, by what was measured."""
    found: dict[str, list[float]] = {"ours": [], "aiohttp alone": []}
    async with make_http_transport() as http, aiohttp.ClientSession() as session:
        transport = Transport(http, now=lambda: datetime.now(UTC))

        async def ours(where: str) -> object:
            parameters = {"DBInstanceId": "pgm-1", "RegionId": "cn-hangzhou"}
            return await transport.call(
                "DescribeDBInstanceSSL", parameters, CREDENTIALS, where, write=False
            )

        async def alone(where: str) -> object:
            async with session.post(where, data=b"DBInstanceId=pgm-1") as response:
                return await response.read()

        for _ in range(rounds):
            found["ours"].append(await cost(ours, url, calls=calls))
            found["aiohttp alone"].append(await cost(alone, url, calls=calls))
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench.call_cost", description="CPU of one call.")
    parser.add_argument("--calls", type=int, default=1600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    with subprocess.Popen(
        [sys.executable, "-m", "bench.call_cost", "--serve"], stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            found = asyncio.run(measure(url, calls=options.calls, rounds=options.rounds))
        finally:
            server.terminate()
    for name, costs in found.items():
        print(f"{name:14} {min(costs):.2f} to {max(costs):.2f} ms of CPU a call")


if __name__ == "__main__":
    main()
