"""Which object is acted on, with which credentials; who else claims the instance."""

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import CREDENTIALS, NAMESPACE, EngineWorld, played

UNREADABLE = {
    "digest": "x",
    "phase": "Paused",
    "startTime": "2026-01-01T00:00:00Z",
    "attempt": 1,
}
"""A write-ahead record of a newer version."""


@played
async def test_a_record_that_cannot_be_read_stays_and_nothing_is_sent() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        world.kube.put_status((NAMESPACE, "a"), {"operation": UNREADABLE})

        await world.run(1500)

        assert world.status("a")["operation"] == UNREADABLE
        assert world.conditions("a")["Stalled"] == ("True", "DeclarationInvalid")
        assert world.modifies("a") == []


@played
@pytest.mark.parametrize("quiet_period", [0.0, 10.0])
async def test_two_new_objects_of_one_instance_cost_one_call(quiet_period: float) -> None:
    async with EngineWorld(timings=Timings(quiet_period=quiet_period)) as world:
        world.add_instance("a")
        world.declare("a")
        world.declare("b", instanceID="pgm-a", serverCertificate={"caType": "aliyun"})

        await world.run(200)

        assert world.cost("a") == (1, 1)
        assert len(world.modifies("a")) == 1
        assert world.ready("a")[0] == "True"
        assert world.ready("b") == ("False", "Conflict")


@played
async def test_an_older_object_waits_while_a_younger_ones_change_is_under_way() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"window": 6.0})
        world.write_pair("a")
        custom = {"secretRef": {"name": "a-tls"}}
        later = {"name": "later"}
        world.declare(
            "a",
            serverCertificate=custom,
            credentialsSecretRef=later,
            adoptionPolicy="Overwrite",
            approvalRequired=[],
        )
        await world.run(1)
        world.declare("b", instanceID="pgm-a")
        await world.run(1)
        assert world.status("b")["operation"]["phase"] == "Accepted"

        world.write_credentials("later")
        await world.run(300)

        assert [each.overlaps for each in world.accepted] == [False, False]
        assert world.ready("a") == ("True", "Verified")
        assert world.ready("b") == ("False", "Conflict")


@played
async def test_a_change_of_an_object_that_only_another_operator_serves_is_waited_for() -> None:
    async with EngineWorld(started=False) as world:
        world.add_instance("a")
        world.declare("a")
        world.declare("b", instanceID="pgm-a")
        world.kube.hidden.add((NAMESPACE, "b"))
        under_way = {**UNREADABLE, "phase": "Accepted"}
        world.kube.put_status((NAMESPACE, "b"), {"operation": under_way})
        world.start()

        await world.run(60)
        assert world.modifies("a") == []
        world.kube.put_status((NAMESPACE, "b"), {"operation": None})
        await world.run(60)

        assert world.cost("a") == (1, 1)
        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_change_that_ends_under_an_older_claimant_ends_in_conflict() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 60.0})
        world.declare("a", credentialsSecretRef={"name": "later"})
        await world.run(1)
        world.declare("b", instanceID="pgm-a")
        await world.run(2)
        assert world.status("b")["operation"]["phase"] == "Accepted"
        world.kube.put_status((NAMESPACE, "a"), {"instance": {"engine": "PostgreSQL"}})

        await world.run(100)

        assert world.ready("b") == ("False", "Conflict")
        assert "applied" not in world.status("b")


@played
async def test_credentials_that_were_missing_for_a_moment_do_not_prolong_the_quiet_period() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.write_credentials("own")
        world.add_instance("a")
        world.declare("a", credentialsSecretRef={"name": "own"})
        await world.run(8)
        world.kube.delete_data("Secret", (NAMESPACE, "own"))
        await world.run(1)
        world.write_credentials("own")

        await world.run(3)

        assert len(world.modifies("a")) == 1


@played
async def test_the_winner_of_a_conflict_in_another_namespace_is_not_named() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", ssl={"enabled": True})
        own = world.kube.data["Secret", (NAMESPACE, CREDENTIALS)]
        world.kube.put_data("Secret", ("elsewhere", CREDENTIALS), own.data)
        world.kube.create(
            ("elsewhere", "hidden-project"),
            {
                "instanceID": "pgm-a",
                "regionID": "cn-hangzhou",
                "credentialsSecretRef": {"name": CREDENTIALS},
            },
        )
        await world.run(60)
        world.declare("a")

        await world.run(60)

        stalled = world.condition("Stalled", "a")
        assert stalled is not None
        assert stalled["reason"] == "Conflict"
        assert "another namespace" in stalled["message"]
        assert "hidden-project" not in stalled["message"]


def told_of(world: EngineWorld, name: str) -> list[str]:
    """Give the reasons of Ready that were written of an object, in their order."""
    found = []
    for call in world.line.calls:
        if call.what == "patch_status" and call.about == name:
            conditions = call.content.get("conditions") or ()
            found += [each["reason"] for each in conditions if each["type"] == "Ready"]
    return found


@played
async def test_of_two_of_the_same_second_the_loser_is_in_conflict_at_its_first_pass() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.add_instance("a")
        world.declare("a")
        world.declare("b", instanceID="pgm-a")

        await world.run(1)

        stalled = world.condition("Stalled", "b")
        assert stalled is not None
        assert stalled["message"] == (
            "DBInstanceSSL a declares instance pgm-a as well. Both were created in the same second,"
            " and of such two the one whose UID comes first counts; delete one of the two."
        )
        assert told_of(world, "b") == ["Conflict"]


@played
async def test_a_loser_that_was_first_at_the_instance_gives_way_at_once() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.add_instance("a")
        world.declare("a", credentialsSecretRef={"name": "later"})
        world.declare("b", instanceID="pgm-a")
        await world.run(5)
        assert world.conditions("b")["ChangePending"] == ("True", "QuietPeriod")

        world.write_credentials("later")
        await world.run(1)

        assert world.ready("b") == ("False", "Conflict")
        assert world.modifies("a") == []


@played
async def test_of_two_of_different_seconds_the_older_one_is_said_to_count() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", ssl={"enabled": True})
        world.declare("a")
        await world.run(2)
        world.declare("b", instanceID="pgm-a")

        await world.run(1)

        stalled = world.condition("Stalled", "b")
        assert stalled is not None
        assert stalled["message"] == (
            "DBInstanceSSL a declares instance pgm-a already, and the older one counts; delete one"
            " of the two."
        )
        assert told_of(world, "b") == ["Conflict"]
