"""
What a call costs the simulator: milliseconds of CPU of its whole process, HTTP included.

    PYTHONPATH=tests python -m bench.simulator_cost [--rounds N] [--calls N] [--latency SECONDS]

The slowest of the usual cases: as many PostgreSQL instances as calls in a round, each with a chain
and an RSA-2048 key of its own, which Describe shows; each change brings a certificate that was not
seen before. The ledger grows by all calls. Requests are signed before a round begins; the clock is
the CPU clock of the other process, so that what else runs here matters little.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import aiohttp
import httpx

from support import pki
from support.simulator import Caller, Simulator

MODIFY = "ModifyDBInstanceSSL"
ACTIONS = (MODIFY, "DescribeDBInstanceSSL", "DescribeDBInstanceAttribute")

CONNECTIONS = 16
"""As many as the operator has."""

Parameters = dict[str, str]


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used, all threads, user and system."""
    # clock_getcpuclockid(3) of Linux: /proc/PID/stat counts hundredths of a second only.
    return time.clock_gettime(~pid << 3 | 2)


class Material:
    """Certificates without end, each with the same RSA key: making one takes longest."""

    def __init__(self) -> None:
        self._issuer = pki.make_root().intermediate()
        self._key = pki.make_key(pki.KeyType.RSA_2048)

    def parameters(self, host: str) -> Parameters:
        """Parameters of a change to a new certificate."""
        leaf = self._issuer.leaf(host, key=self._key)
        return {
            "ConnectionString": host,
            "SSLEnabled": "1",
            "CAType": "custom",
            "ServerCert": leaf.chain_pem.decode(),
            "ServerKey": leaf.key_pem().decode(),
        }


def signed(caller: Caller, material: Material, action: str, calls: int) -> list[httpx.Request]:
    """One request for each instance."""
    return [
        caller.request(
            action,
            DBInstanceId=name,
            **(material.parameters(host(name)) if action == MODIFY else {}),
        )
        for name in names(calls)
    ]


def names(number: int) -> list[str]:
    """Ids of the instances."""
    return [f"pgm-bench{index:05d}" for index in range(number)]


def host(name: str) -> str:
    """The internal endpoint of an instance."""
    return f"{name}.pg.rds.aliyuncs.com"


async def drive(requests: Sequence[httpx.Request]) -> None:
    """
    Send them over connections that are kept; what is not accepted ends it.

    Raises:
        RuntimeError: If an answer is not 200.
    """
    left: Iterator[httpx.Request] = iter(requests)

    async def one(session: aiohttp.ClientSession) -> None:
        for request in left:
            async with session.post(
                str(request.url), data=request.content, headers=dict(request.headers)
            ) as response:
                body = await response.read()
                if response.status != 200:
                    raise RuntimeError(f"{response.status}: {body.decode()[:300]}")

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(one(session))


def measure(rds: Simulator, *, rounds: int, calls: int) -> Iterator[Mapping[str, float]]:
    """Milliseconds of CPU a call by action, for each round."""
    caller, material = Caller(rds.url), Material()
    for _ in range(rounds):
        spent = {}
        for action in ACTIONS:
            requests = signed(caller, material, action, calls)
            before = cpu_seconds(rds.pid)
            asyncio.run(drive(requests))
            spent[action] = (cpu_seconds(rds.pid) - before) * 1000 / calls
        yield spent
    caller.close()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulator_cost")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--calls", type=int, default=1000, help="of each action, in a round")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds before each answer")
    options = parser.parse_args()
    with Simulator() as rds:
        rds.put_instances(
            *({"id": name, "profile": "postgresql-14"} for name in names(options.calls))
        )
        # A change is over at once, so that the next one is accepted and Describe shows it.
        rds.config(durations={"window": 0, "change": 0}, latency=options.latency)
        found = []
        for number, spent in enumerate(measure(rds, rounds=options.rounds, calls=options.calls), 1):
            found.append(spent)
            each = "  ".join(f"{action} {spent[action]:.2f}" for action in ACTIONS)
            print(f"round {number}: {each}", file=sys.stderr, flush=True)
        entries = rds.stats()["calls"]
    print(f"{'ms of CPU a call':<30}{'median':>8}{'least':>8}{'most':>8}")
    for action in ACTIONS:
        values = [spent[action] for spent in found]
        middle = statistics.median(values)
        print(f"{action:<30}{middle:>8.2f}{min(values):>8.2f}{max(values):>8.2f}")
    print(f"{entries} calls in the ledger, {options.calls} instances")
    return 0


if __name__ == "__main__":
    sys.exit(main())
