"""
Several processes, each with its shard of the instances, and others in their place while they work.

Whatever comes and goes: a change is accepted once, and never while another one of its instance, or
of its primary, is under way.
"""

import asyncio
import hashlib
import ssl

import pytest

from rds_ssl.aliyun.rate_limit import BURST
from rds_ssl.core.formats import write_time
from rds_ssl.core.operation.verification import Limits
from rds_ssl.core.shards import Shard
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import CREDENTIALS, NAMESPACE, EngineWorld, played
from support.fleet import Fleet, names_in
from support.tenants import MALLORY_KEY, write_key

PACE = Timings(
    quiet_period=0.0, max_changes_per_day=0, limits=Limits(settle=60.0, verify_after=5.0)
)

MOST = 60
"""No rotation makes that many requests."""


def of(count: int) -> list[str]:
    return [f"{number}/{count}" for number in range(1, count + 1)]


def owners(names: list[str], count: int) -> dict[str, str]:
    """Give the shard of each name."""
    return {
        name: shard
        for name in names
        for shard in of(count)
        if Shard.parse(shard).owns(f"pgm-{name}")
    }


def declare(fleet: Fleet, names: list[str]) -> None:
    for name in names:
        fleet.base.add_instance(name)
        fleet.base.write_pair(name)
        fleet.base.declare_custom(name)


def rotate(fleet: Fleet, names: list[str]) -> None:
    for name in names:
        fleet.base.write_pair(name)


def assert_changed(fleet: Fleet, names: list[str], *, times: int) -> None:
    """Each was changed so many times, and what is in force is what is declared."""
    base = fleet.base
    for name in names:
        assert base.ready(name) == ("True", "Verified"), name
        assert base.cost(name) == (times, times), name
        assert len(base.modifies(name)) == times, name
        declared = base.kube.data["Secret", (NAMESPACE, f"{name}-tls")].data["tls.crt"]
        leaf, _, _ = declared.decode().partition("-----END CERTIFICATE-----\n")
        der = ssl.PEM_cert_to_DER_cert(leaf + "-----END CERTIFICATE-----\n")
        sha256 = hashlib.sha256(der).hexdigest()
        assert base.truth(name)["ssl"]["server_sha256"].replace(":", "").lower() == sha256, name
    assert fleet.overlaps() == []


@played
@pytest.mark.parametrize("count", [2, 4])
async def test_each_shard_serves_its_part_within_its_share_of_the_rate(count: int) -> None:
    names = [f"db{number}" for number in range(30)]
    rate, owner = 8.0, owners(names, count)
    async with Fleet(timings=Timings(quiet_period=0.0), budget=0, rate=rate) as fleet:
        declare(fleet, names)
        await fleet.start(*of(count))
        await fleet.base.run(400)

        assert_changed(fleet, names, times=1)
        for shard, world in fleet.alive.items():
            mine = {f"pgm-{name}" for name in names if owner[name] == shard}
            called = {each.about for each in world.line.calls if each.port == "cloud"}
            assert called == mine
            assert {each.instance_id for each in world.accepted} == mine
            assert fleet.most_calls(shard, seconds=10.0) <= BURST + 10.0 * rate / count + 1
            assert world.engine is not None
            known = world.engine.objects.keys()
            assert {f"pgm-{name}" for _, name in known} == mine


@played
async def test_of_what_another_shard_serves_only_the_version_is_known() -> None:
    (mine,), (other,) = names_in("1/2", 1), names_in("2/2", 1)
    async with Fleet() as fleet:
        declare(fleet, [mine, other])
        world = await fleet.start("1/2")
        await world.run(100)
        assert world.engine is not None
        objects, key = world.engine.objects, (NAMESPACE, other)

        # The watchdog compares it with what the API server has.
        meta = fleet.base.kube.objects[key]["metadata"]
        assert objects.version(key) == (meta["uid"], meta["resourceVersion"])
        assert objects.get(key) is None
        assert world.engine.watch.wanted == {
            ("Secret", NAMESPACE, f"{mine}-tls"),
            ("Secret", NAMESPACE, "rds-credentials"),
        }
        newer = fleet.base.kube.label(key, team="a")["metadata"]
        await world.run(1)
        assert objects.version(key) == (newer["uid"], newer["resourceVersion"])
        fleet.base.kube.delete(key)
        await world.run(1)
        assert objects.version(key) is None


@played
async def test_a_name_that_comes_back_with_another_instance_moves_to_the_shard_of_that() -> None:
    """The instance of an object is immutable: it takes another object of that name."""
    (one,), (two,) = names_in("1/2", 1), names_in("2/2", 1)
    async with Fleet() as fleet:
        declare(fleet, [one])
        first, second = await fleet.start("1/2"), await fleet.start("2/2")
        await first.run(100)

        fleet.base.add_instance(two)
        # The first process never hears that the object has gone.
        assert first.engine is not None
        first.engine.watch.freeze()
        fleet.base.kube.delete((NAMESPACE, one))
        first.engine.watch._pending.clear()  # noqa: SLF001  # Lost on its way.
        first.engine.watch.thaw()
        fleet.base.write("Secret", f"{one}-tls", {"tls.crt": b"", "tls.key": b""})
        leaf = fleet.base.issuer.leaf(fleet.base.host(two))
        fleet.base.write_pair(one, leaf)
        fleet.base.declare_custom(one, instanceID=f"pgm-{two}")
        await first.run(200)

        assert first.engine.objects.get((NAMESPACE, one)) is None
        assert second.engine is not None
        assert second.engine.objects.get((NAMESPACE, one)) is not None
        assert fleet.base.cost(one) == (1, 1)
        assert fleet.base.cost(two) == (1, 1)
        assert {each.instance_id for each in second.accepted} == {f"pgm-{two}"}


@played
@pytest.mark.parametrize("overlap", [0.0, 3.0, 120.0], ids=["killed first", "3 s", "two minutes"])
@pytest.mark.parametrize("seed", range(3))
async def test_resharding_while_changes_are_in_flight_restarts_nothing_twice(
    seed: int, overlap: float
) -> None:
    """From two shards to four to three; *overlap*: for how long old and new ones work together."""
    names = [f"db{number}" for number in range(12)]
    async with Fleet(timings=PACE, budget=0, seed=1 + 10 * seed) as fleet:
        declare(fleet, names)
        await fleet.start(*of(2))
        await fleet.base.run(200)
        assert_changed(fleet, names, times=1)

        for round_, count in enumerate((4, 3), start=1):
            fleet.base.rds.config(durations={"change": 40.0})
            rotate(fleet, names)
            # Somewhere between the first read and the end of a change.
            await fleet.base.run(fleet.base.random.choice([0.002, 0.01, 0.02, 0.05, 0.5, 20.0]))
            old = tuple(fleet.alive)
            if overlap:
                for shard in of(count):
                    await fleet.start(shard)
                    await fleet.base.run(overlap / count)
                for shard in old:
                    await fleet.kill(shard)
                    await fleet.base.run(overlap / count)
            else:
                await fleet.kill(*old)
                await fleet.start(*of(count))
            await fleet.base.run(400)

            assert_changed(fleet, names, times=1 + round_)
            for name in names:
                results = [each["result"] for each in fleet.base.status(name)["history"]]
                assert results == ["Verified"] * (1 + round_)


@played
@pytest.mark.parametrize("loses", [False, True], ids=["request held", "answer lost"])
async def test_an_old_shard_that_stands_still_at_any_request_changes_nothing_over_a_new_one(
    *, loses: bool
) -> None:
    """It stands still, the shards of another count do its work and more, and it goes on."""
    (name,) = names_in("1/2", 1)
    (new,) = owners([name], 3).values()
    froze = 0
    for number in range(1, MOST):
        async with Fleet(timings=PACE) as fleet:
            declare(fleet, [name])
            old = await fleet.start("1/2")
            await old.run(200)
            old.line.loses = loses
            last = len(old.line.calls) + number
            old.line.freezes = lambda call, last=last: call.number == last
            rotate(fleet, [name])
            try:
                async with asyncio.timeout(100):
                    await old.line.frozen.wait()
            except TimeoutError:
                break
            froze += 1
            held = old.line.calls[-1]
            await fleet.start(*(each for each in of(3) if each != new))
            await fleet.start(new)
            await fleet.base.run(100)
            rotate(fleet, [name])
            await fleet.base.run(7)
            old.line.thaw()
            try:
                await fleet.base.run(400)
                assert_changed(fleet, [name], times=3)
            except AssertionError as error:
                error.add_note(f"stood still at request {number}, {held.what} {held.phase}")
                raise
    assert 8 <= froze < MOST - 1


# -- a primary and its read-only instance --------------------------------------------------------


def pair() -> tuple[str, str]:
    """Give a primary of the first of two shards, and the name of a replica in the second."""
    return names_in("1/2", 1)[0], names_in("2/2", 1)[0]


def add_replica(world: EngineWorld, name: str, *, of: str) -> None:
    world.add_instance(name, master_instance_id=f"pgm-{of}")


async def both_ready(fleet: Fleet) -> tuple[str, str]:
    primary, replica = pair()
    fleet.base.add_instance(primary)
    add_replica(fleet.base, replica, of=primary)
    for name in (primary, replica):
        fleet.base.write_pair(name)
        fleet.base.declare_custom(name)
    return primary, replica


@played
async def test_a_primary_and_its_replica_in_two_shards_never_change_at_the_same_time() -> None:
    async with Fleet(timings=PACE) as fleet:
        primary, replica = await both_ready(fleet)
        await fleet.start(*of(2))
        await fleet.base.run(400)
        fleet.base.rds.config(durations={"change": 40.0})
        for _ in range(5):
            rotate(fleet, [primary, replica])
            await fleet.base.run(400)

        assert_changed(fleet, [primary, replica], times=6)
        assert fleet.overlaps(primary, replica) == []


@played
@pytest.mark.parametrize("first", [0, 1], ids=["the primary's", "the replica's"])
@pytest.mark.parametrize("loses", [False, True], ids=["request held", "answer lost"])
async def test_one_shard_that_stands_still_at_any_request_meets_no_change_of_the_other(
    first: int, *, loses: bool
) -> None:
    froze = 0
    for number in range(1, MOST):
        async with Fleet(timings=PACE) as fleet:
            names = await both_ready(fleet)
            await fleet.start(*of(2))
            await fleet.base.run(400)
            fleet.base.rds.config(durations={"change": 40.0})
            still = fleet.all[first]
            still.line.loses = loses
            last = len(still.line.calls) + number
            still.line.freezes = lambda call, last=last: call.number == last
            rotate(fleet, [names[first]])
            try:
                async with asyncio.timeout(60):
                    await still.line.frozen.wait()
            except TimeoutError:
                break
            froze += 1
            held = still.line.calls[-1]
            rotate(fleet, [names[1 - first]])
            await fleet.base.run(300)
            still.line.thaw()
            try:
                await fleet.base.run(600)
                assert_changed(fleet, list(names), times=2)
                assert fleet.overlaps(*names) == []
            except AssertionError as error:
                error.add_note(f"stood still at request {number}, {held.what} {held.phase}")
                raise
    assert 8 <= froze < MOST - 1


@played
async def test_another_tenants_object_that_says_it_is_a_replica_holds_up_nobody_for_long() -> None:
    """It reaches an instance of its own, and its status names the primary of somebody else."""
    (mine,), (theirs,) = names_in("1/2", 1), names_in("2/2", 1, prefix="m")
    async with Fleet(timings=PACE) as fleet:
        declare(fleet, [mine])
        base = fleet.base
        base.rds.put_access_key(MALLORY_KEY[0], secret=MALLORY_KEY[1], instances=["pgm-m*"])
        write_key(base, ("mallory", CREDENTIALS), *MALLORY_KEY)
        base.add_instance(theirs)
        await fleet.start("1/2")
        await base.run(100)
        spec = {"instanceID": f"pgm-{theirs}", "regionID": "cn-hangzhou"}
        base.kube.create(("mallory", "m"), {**spec, "credentialsSecretRef": {"name": CREDENTIALS}})
        forged = {
            "instance": {"engine": "PostgreSQL", "masterInstanceID": f"pgm-{mine}"},
            "operation": {
                "digest": "sha256:00",
                "phase": "Accepted",
                "startTime": write_time(base.clock()),
                "attempt": 1,
            },
        }
        base.kube.put_status(("mallory", "m"), forged)

        rotate(fleet, [mine])
        await base.run(60)

        assert_changed(fleet, [mine], times=2)
