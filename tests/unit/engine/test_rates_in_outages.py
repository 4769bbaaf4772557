"""While an endpoint is down: how often it is called, and what its return brings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rds_ssl.aliyun.exchange import CONNECT_DEADLINE
from rds_ssl.aliyun.rate_limit import BURST
from rds_ssl.engine.reconcile.ports import Timings
from rds_ssl.engine.scheduling.outages import PROBE_EVERY
from support.engine_world import CREDENTIALS, EngineWorld, played
from support.tenants import write_key

HOST = "rds.aliyuncs.com"
RATE = 5.0
WORKERS = 16
OBJECTS = 60
RESYNC = 60.0

MINUTES = 5
DOWN = MINUTES * 60.0

NAMESPACES = ("shop", "bank", "post")

ONE_KEY = dict.fromkeys(NAMESPACES, "LTAIone")
KEYS = {each: f"LTAI{each}" for each in NAMESPACES}


@asynccontextmanager
async def world_of(keys: dict[str, str], *, rate: float = RATE) -> AsyncIterator[EngineWorld]:
    """Give a world of three namespaces with objects that are as declared."""
    timings = Timings(quiet_period=1.0, resync=RESYNC, max_changes_per_day=0)
    async with EngineWorld(timings=timings, rate=rate, workers=WORKERS, api_url="") as world:
        for key_id in set(keys.values()):
            world.rds.put_access_key(key_id, secret="hush")
        for number in range(OBJECTS):
            namespace = NAMESPACES[number % len(NAMESPACES)]
            write_key(world, (namespace, CREDENTIALS), keys[namespace], "hush")
            world.add_instance(f"m{number}", ssl={"enabled": True})
            world.kube.create(
                (namespace, f"m{number}"),
                {
                    "instanceID": f"pgm-m{number}",
                    "regionID": "cn-hangzhou",
                    "credentialsSecretRef": {"name": CREDENTIALS},
                },
            )
        await world.run(3 * RESYNC)
        yield world


def break_down(world: EngineWorld, how: str) -> None:
    if how == "takes no connection":
        world.unreachable_hosts.add(HOST)
    else:
        world.rds.fault({"kind": "reset-before"}, times=1_000_000)


def mend(world: EngineWorld) -> None:
    world.unreachable_hosts.clear()
    world.rds.clear_faults()


def count(world: EngineWorld) -> int:
    """Return how many calls have left, answered or not."""
    return sum(each.port == "cloud" for each in world.line.calls)


@played
@pytest.mark.parametrize("rate", [RATE, 0.0], ids=["with a rate", "without a rate"])
@pytest.mark.parametrize("keys", [ONE_KEY, KEYS], ids=["one account", "an account each"])
@pytest.mark.parametrize("how", ["takes no connection", "answers nothing"])
async def test_an_endpoint_that_is_down_is_probed_by_one_object_now_and_then(
    how: str, keys: dict[str, str], rate: float
) -> None:
    async with world_of(keys, rate=rate) as world:
        break_down(world, how)
        await world.run(2 * RESYNC)
        before, passes = count(world), len(world.passes)

        await world.run(DOWN)

        assert count(world) - before >= DOWN / (PROBE_EVERY + CONNECT_DEADLINE) - 2
        assert count(world) - before <= DOWN / PROBE_EVERY + 1
        assert len(world.passes) - passes <= 4 * OBJECTS * MINUTES


@played
@pytest.mark.parametrize("keys", [ONE_KEY, KEYS], ids=["one account", "an account each"])
@pytest.mark.parametrize("how", ["takes no connection", "answers nothing"])
async def test_its_return_is_noticed_within_seconds_and_brings_no_burst(
    how: str, keys: dict[str, str]
) -> None:
    async with world_of(keys) as world:
        break_down(world, how)
        await world.run(2 * RESYNC)
        mend(world)
        world.rds.clear_calls()

        await world.run(PROBE_EVERY + CONNECT_DEADLINE + 1)
        assert world.rds.calls()

        await world.run(OBJECTS / (RATE / 2) + 5)
        looked = {each["instance"] for each in world.rds.calls()}
        assert len(looked) == OBJECTS
        assert max(world.rds.stats()["highest_rate"].values()) <= RATE + BURST


@played
async def test_an_account_that_is_paused_while_its_endpoint_goes_down_keeps_no_pass_busy() -> None:
    async with world_of(ONE_KEY) as world:
        break_down(world, "takes no connection")
        await world.run(2 * RESYNC)
        limiters = world.engine.limits if world.engine else None
        assert limiters is not None
        for limiter in vars(limiters)["_limiters"].values():
            limiter.pause("DescribeDBInstanceSSL", world.monotonic() + 300, "Throttling.User")
        passes = len(world.passes)

        await world.run(DOWN)

        assert len(world.passes) - passes <= 10 * OBJECTS * MINUTES
