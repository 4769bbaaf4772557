"""
Two processes with a label selector each, and objects of one instance in both of them.

The older one counts, as within a process: a claim of another namespace is proved by a read with its
own credentials, made by the process that has to know.
"""

import asyncio

import pytest

from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine.proofs import PATIENCE
from rds_ssl.engine.reconcile.ports import Timings
from rds_ssl.engine.strangers import FRESH, KEPT
from support.engine_world import CREDENTIALS, NAMESPACE, EngineWorld, Json, played
from support.fleet import Fleet
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET
from support.tenants import MALLORY_KEY, write_key

PACE = Timings(
    quiet_period=0.0, max_changes_per_day=0, limits=Limits(settle=60.0, verify_after=5.0)
)

RESYNC = 1.1 * PACE.resync

BANK = "bank"

INSTANCE = {"engine": "PostgreSQL", "engineVersion": "14.0"}

DESCRIBE = "DescribeDBInstanceAttribute"

MOST = 60


def selects(label: str):  # noqa: ANN201  # A predicate of manifests.
    def is_selected(manifest: Json) -> bool:
        return bool(manifest["metadata"].get("labels", {}).get("shard") == label)

    return is_selected


async def two_processes(fleet: Fleet) -> tuple[EngineWorld, EngineWorld]:
    """Start one for the label a, and one for b; the namespace bank has the same access key."""
    write_key(fleet.base, (BANK, CREDENTIALS), ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    one = await fleet.start("1/1", selects=selects("a"), name="a")
    two = await fleet.start("1/1", selects=selects("b"), name="b")
    return one, two


def declare(
    fleet: Fleet, namespace: str, name: str, label: str, *, instance: str = "x", **spec: object
) -> None:
    whole = {
        "instanceID": f"pgm-{instance}",
        "regionID": "cn-hangzhou",
        "credentialsSecretRef": {"name": CREDENTIALS},
        **spec,
    }
    fleet.base.kube.create((namespace, name), whole, labels={"shard": label})


def ready(fleet: Fleet, namespace: str, name: str) -> tuple[str, str]:
    conditions = fleet.base.kube.objects[namespace, name]["status"].get("conditions", [])
    found = {each["type"]: (each["status"], each["reason"]) for each in conditions}
    return found.get("Ready", ("", ""))


@played
@pytest.mark.parametrize("namespace", [NAMESPACE, BANK], ids=["its namespace", "another"])
async def test_the_younger_object_says_conflict_although_another_process_serves_the_older(
    namespace: str,
) -> None:
    async with Fleet(timings=PACE) as fleet:
        await two_processes(fleet)
        fleet.base.add_instance("x")
        declare(fleet, namespace, "older", "a")
        await fleet.base.run(60)
        declare(fleet, NAMESPACE, "younger", "b")
        await fleet.base.run(10)

        for _ in range(3):
            assert ready(fleet, namespace, "older") == ("True", "Verified")
            assert ready(fleet, NAMESPACE, "younger") == ("False", "Conflict")
            await fleet.base.run(RESYNC)
        assert fleet.base.cost("x") == (1, 1)
        assert fleet.all[1].accepted == []


@played
async def test_the_younger_one_says_so_although_it_has_nothing_to_send_and_was_there_before() -> (
    None
):
    """The older object comes to the other process later, by an edit of its label."""
    async with Fleet(timings=PACE) as fleet:
        await two_processes(fleet)
        fleet.base.add_instance("x")
        declare(fleet, BANK, "older", "nobody's")
        await fleet.base.run(2)
        declare(fleet, NAMESPACE, "younger", "b")
        await fleet.base.run(60)
        assert ready(fleet, NAMESPACE, "younger") == ("True", "Verified")

        fleet.base.kube.label((BANK, "older"), shard="a")
        await fleet.base.run(RESYNC + 10)

        assert ready(fleet, BANK, "older")[0] == "True"
        assert ready(fleet, NAMESPACE, "younger") == ("False", "Conflict")
        assert fleet.base.cost("x") == (1, 1)


@played
async def test_when_the_older_one_goes_the_younger_takes_over_within_a_resync() -> None:
    async with Fleet(timings=PACE) as fleet:
        await two_processes(fleet)
        fleet.base.add_instance("x")
        declare(fleet, BANK, "older", "a")
        await fleet.base.run(60)
        declare(fleet, NAMESPACE, "younger", "b")
        await fleet.base.run(60)
        assert ready(fleet, NAMESPACE, "younger") == ("False", "Conflict")

        fleet.base.kube.delete((BANK, "older"))
        await fleet.base.run(RESYNC + FRESH)

        assert ready(fleet, NAMESPACE, "younger") == ("True", "Adopted")
        assert fleet.base.cost("x") == (1, 1)


@played
async def test_the_same_after_both_processes_were_replaced() -> None:
    async with Fleet(timings=PACE) as fleet:
        await two_processes(fleet)
        fleet.base.add_instance("x")
        declare(fleet, BANK, "older", "a")
        await fleet.base.run(60)
        declare(fleet, NAMESPACE, "younger", "b")
        await fleet.base.run(60)

        await fleet.kill()
        await two_processes(fleet)
        await fleet.base.run(1000)

        assert ready(fleet, BANK, "older") == ("True", "Verified")
        assert ready(fleet, NAMESPACE, "younger") == ("False", "Conflict")
        assert fleet.base.cost("x") == (1, 1)


@played
async def test_a_forged_claim_of_an_older_object_elsewhere_holds_nobody_for_long() -> None:
    async with Fleet(timings=PACE) as fleet:
        await two_processes(fleet)
        fleet.base.rds.put_access_key(MALLORY_KEY[0], secret=MALLORY_KEY[1], instances=["pgm-m*"])
        write_key(fleet.base, ("mallory", CREDENTIALS), *MALLORY_KEY)
        fleet.base.add_instance("x")
        declare(fleet, "mallory", "m", "nobody's")
        fleet.base.kube.put_status(("mallory", "m"), {"instance": INSTANCE})
        await fleet.base.run(2)

        declare(fleet, NAMESPACE, "victim", "b")
        await fleet.base.run(12)  # Ten of them for any older object that was not looked at yet.

        assert len(fleet.all[1].accepted) == 1
        await fleet.base.run(3000)
        assert ready(fleet, NAMESPACE, "victim") == ("True", "Verified")


@played
async def test_many_forged_claims_cost_their_own_account_a_call_a_second() -> None:
    async with Fleet(timings=PACE, rate=5.0) as fleet:
        await two_processes(fleet)
        fleet.base.rds.put_access_key(MALLORY_KEY[0], secret=MALLORY_KEY[1], instances=["pgm-m*"])
        write_key(fleet.base, ("mallory", CREDENTIALS), *MALLORY_KEY)
        fleet.base.add_instance("x")
        for number in range(500):
            declare(fleet, "mallory", f"m{number}", "nobody's")
            fleet.base.kube.put_status(("mallory", f"m{number}"), {"instance": INSTANCE})
        declare(fleet, BANK, "older", "a")
        await fleet.base.run(700)
        fleet.base.rds.clear_calls()

        declare(fleet, NAMESPACE, "younger", "b")
        await fleet.base.run(5)
        refused = [each for each in fleet.base.rds.calls() if each["access_key"] == MALLORY_KEY[0]]
        # Each of the two processes wants to know.
        assert len(refused) <= 2 * 5 + 2
        await fleet.base.run(PATIENCE)

        # The one claim among five hundred that is true was proved in time.
        assert ready(fleet, NAMESPACE, "younger") == ("False", "Conflict")
        await fleet.base.run(600)
        calls = fleet.base.rds.calls()
        assert len([each for each in calls if each["access_key"] != MALLORY_KEY[0]]) <= 10
        assert fleet.base.cost("x") == (1, 1)


@played
async def test_a_proof_is_remembered_and_made_anew_now_and_then() -> None:
    async with Fleet(timings=PACE) as fleet:
        await two_processes(fleet)
        fleet.base.add_instance("x")
        declare(fleet, BANK, "older", "a")
        await fleet.base.run(60)
        declare(fleet, NAMESPACE, "younger", "b")
        await fleet.base.run(60)
        fleet.base.rds.clear_calls()
        hours = 5
        for number in range(hours * 60):
            fleet.base.ask("younger", str(number))
            await fleet.base.run(60)

        proofs = [each for each in fleet.base.rds.calls() if each["action"] == DESCRIBE]
        assert 1 <= len(proofs) <= hours * 3600 / KEPT + 1


@played
@pytest.mark.parametrize(
    ("change", "stands"), [(40.0, 20.0), (5.0, 100.0)], ids=["under way", "done"]
)
@pytest.mark.parametrize("still", ["a", "b"])
@pytest.mark.parametrize("namespace", [NAMESPACE, BANK], ids=["one namespace", "two"])
async def test_two_first_contacts_with_one_instance_never_meet_whoever_stands_still_when(
    namespace: str, still: str, change: float, stands: float
) -> None:
    """Neither has a claim yet: what keeps them apart is what they write before the call."""
    froze = 0
    for number in range(1, MOST):
        async with Fleet(timings=PACE) as fleet:
            await two_processes(fleet)
            fleet.base.add_instance("x")
            fleet.base.rds.config(durations={"change": change})
            await fleet.base.run(1)
            held = fleet.alive[still]
            last = len(held.line.calls) + number
            held.line.freezes = lambda call, last=last: call.number == last
            declare(fleet, namespace, "older", "a")
            declare(fleet, NAMESPACE, "younger", "b")
            try:
                async with asyncio.timeout(30):
                    await held.line.frozen.wait()
            except TimeoutError:
                break
            froze += 1
            await fleet.base.run(stands)
            call = held.line.calls[-1]
            held.line.thaw()
            try:
                await fleet.base.run(2 * RESYNC)
                assert ready(fleet, namespace, "older")[0] == "True"
                assert ready(fleet, NAMESPACE, "younger") == ("False", "Conflict")
                assert fleet.overlaps() == []
                assert fleet.base.cost("x")[0] <= 1
            except AssertionError as error:
                error.add_note(f"stood still at request {number}, {call.what} {call.phase}")
                raise
    assert 5 <= froze < MOST - 1
