"""Cloud certificates that the vendor does not renew: one call per date, and no other."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played


async def until_accepted(world: EngineWorld, calls: int) -> None:
    """Wait until the cloud has accepted so many calls."""
    while world.cost("a")[0] < calls:
        await world.run(0.2)


async def due(world: EngineWorld, profile: str = "mysql-5.7", **spec: Any) -> None:  # noqa: ANN401  # JSON.
    """Bring a cloud certificate to an hour before it is renewed."""
    world.add_instance("a", profile=profile)
    world.write_pair("a")
    world.declare("a", approvalRequired=[], **RENEW, **spec)
    await world.run(300)
    await world.run((expiry(world) - world.clock()).total_seconds() - 30 * DAY - 3600)
    assert world.cost("a")[0] == 1


async def at_work(world: EngineWorld) -> None:
    """Wait until the renewal is accepted."""
    world.rds.config(durations={"change": 60.0})
    await world.run(3500)
    await until_accepted(world, 2)


DAY = 86_400.0
SLOW = Timings(quiet_period=0.0, resync=DAY / 2)
"""A year is 730 looks."""

RENEW = {"serverCertificate": {"renewBefore": "720h"}}
"""Thirty days before the end of 365."""


def expiry(world: EngineWorld) -> datetime:
    """Give the end of the certificate in force."""
    return datetime.fromisoformat(world.truth("a")["ssl"]["expire_time"])


@played
@pytest.mark.parametrize(("profile", "restart"), [("mysql-8.0", "None"), ("mysql-5.7", "Expected")])
async def test_a_cloud_certificate_is_renewed_once_before_it_ends(
    profile: str, restart: str
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        switches = {"restart": "semantic-changes"}
        world.add_instance("a", profile=profile)
        world.rds.config(switches=switches, instance="pgm-a")
        world.declare("a", **RENEW)
        await world.run(300)
        first, restarts = expiry(world), world.cost("a")[1]
        await world.run(334 * DAY)
        assert world.cost("a")[0] == 1

        await world.run(2 * DAY)

        assert world.cost("a")[0] == 2
        assert world.cost("a")[1] == restarts + (restart == "Expected")
        assert expiry(world) > first
        assert world.ready("a")[0] == "True"
        renewal = world.status("a")["history"][0]
        assert (renewal["cause"], renewal["result"]) == ("renewal", "Verified")
        assert renewal["reissued"]
        assert ("Restart" in renewal.get("impacts", [])) == (restart == "Expected")
        await world.restart()
        await world.run(300 * DAY)
        assert world.cost("a")[0] == 2


@played
async def test_a_renewal_without_effect_is_told_and_never_sent_again_for_that_date() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.rds.config(switches={"enable-again": "nothing"}, instance="pgm-a")
        world.declare("a", **RENEW)
        await world.run(336 * DAY)
        assert world.ready("a") == ("False", "RenewalHadNoEffect")
        assert world.cost("a")[0] == 2
        await world.restart()
        world.ask("a", "now")
        world.edit("a", serverCertificate={"renewBefore": "800h"})
        await world.run(DAY)
        world.edit("a", serverCertificate=None)
        await world.run(DAY)
        assert world.ready("a")[0] == "True"
        world.edit("a", **RENEW)
        await world.run(DAY)

        assert world.ready("a") == ("False", "RenewalHadNoEffect")
        assert world.cost("a")[0] == 2


@played
async def test_a_renewal_in_the_console_clears_what_ours_could_not_do() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.rds.config(switches={"enable-again": "nothing"}, instance="pgm-a")
        world.declare("a", **RENEW)
        await world.run(336 * DAY)
        assert world.ready("a") == ("False", "RenewalHadNoEffect")

        world.rds.config(switches={"enable-again": "reissues"}, instance="pgm-a")
        world.meddle("a", renew=True)
        await world.run(DAY)

        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 2


@played
@pytest.mark.parametrize("fault", ["reset-after", "reset-before"])
async def test_a_renewal_whose_answer_is_lost_is_not_made_twice(fault: str) -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.declare("a", **RENEW)
        await world.run(300)
        await world.run(334 * DAY)
        world.rds.fault({"kind": fault}, action=MODIFY)

        await world.run(2 * DAY)

        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 2


@played
async def test_a_renewal_that_failed_unseen_is_told_to_have_had_no_effect() -> None:
    """MySQL has no LastModifyStatus: that the date stands is all that can be seen."""
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.declare("a", **RENEW)
        await world.run(334 * DAY)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)

        await world.run(2 * DAY)

        assert world.ready("a") == ("False", "RenewalHadNoEffect")
        assert world.cost("a")[0] == 2


@played
async def test_a_renewal_that_is_suspended_leaves_ready_true_and_goes_when_it_may() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.declare("a", **RENEW)
        await world.run(300)
        world.edit("a", suspend=True)
        await world.run(336 * DAY)
        assert world.cost("a")[0] == 1
        assert world.ready("a")[0] == "True"
        assert world.conditions("a")["ChangePending"] == ("True", "Suspended")

        world.edit("a", suspend=False)
        await world.run(300)

        assert world.cost("a")[0] == 2
        assert "ChangePending" not in world.conditions("a")


@played
async def test_a_change_that_renews_on_its_way_is_not_followed_by_a_renewal() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.declare("a", approvalRequired=[])
        await world.run(300)
        await world.run(336 * DAY)

        world.edit("a", forceEncryption=True, **RENEW)
        await world.run(DAY)

        assert world.cost("a")[0] == 2
        assert world.truth("a")["ssl"]["force_encryption"]


@played
async def test_the_vendor_renews_for_postgresql_and_the_field_is_refused_there() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a")
        world.declare("a", **RENEW)
        await world.run(60)
        assert world.ready("a") == ("False", "EngineNotSupported")
        assert "renewBefore" in (world.condition("Stalled", "a") or {})["message"]

        world.edit("a", serverCertificate=None)
        await world.run(400 * DAY)

        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 1


@played
async def test_a_renewal_without_effect_is_not_repeated_after_another_change_either() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.rds.config(switches={"enable-again": "nothing"}, instance="pgm-a")
        world.declare("a", approvalRequired=[], **RENEW)
        await world.run(336 * DAY)
        assert world.ready("a") == ("False", "RenewalHadNoEffect")
        assert world.cost("a")[0] == 2

        world.edit("a", forceEncryption=True)
        await world.run(2 * DAY)

        assert world.truth("a")["ssl"]["force_encryption"]
        assert world.cost("a")[0] == 3


@played
@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(
    ("edit", "calls"),
    [
        ({"forceEncryption": True}, 3),
        ({"enabled": False, "serverCertificate": None}, 3),
        ({"serverCertificate": None}, 2),
        ({"serverCertificate": {"renewBefore": "1h"}}, 2),
        ({"managementPolicy": "Observe"}, 2),
        ({"suspend": True}, 2),
        ({"serverCertificate": {"renewBefore": None, "secretRef": {"name": "a-tls"}}}, 3),
    ],
    ids=["force", "off", "not managed", "later", "observe", "suspend", "custom"],
)
async def test_an_edit_while_a_renewal_is_at_work_costs_what_it_costs_alone(
    edit: Json, calls: int, *, crash: bool
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        await at_work(world)
        now = world.clock()  # The first one has expired by now.
        end = now + timedelta(days=60)
        world.write_pair("a", world.issuer.leaf(world.host("a"), not_before=now, not_after=end))
        world.edit("a", **edit)
        if crash:
            await world.restart()
        await world.run(DAY)

        assert world.cost("a")[0] == calls
        assert world.ready("a")[0] == "True"
        assert not any(each.overlaps for each in world.accepted)


@played
async def test_a_deletion_while_a_renewal_is_at_work_waits_for_its_end() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world, deletionPolicy="Disable")
        await at_work(world)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(DAY)

        assert (NAMESPACE, "a") not in world.kube.objects
        assert not world.truth("a")["ssl"]["enabled"]
        assert world.cost("a")[0] == 3
        assert not any(each.overlaps for each in world.accepted)


@played
@pytest.mark.parametrize("profile", ["mysql-5.7", "sqlserver-2019"])
async def test_a_certificate_that_is_due_at_first_contact_is_adopted_and_renewed_once(
    profile: str,
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile=profile, ssl={"enabled": True})
        await world.run(340 * DAY)
        world.declare("a", **RENEW)
        await world.run(2 * DAY)
        # Nobody has seen whose certificate it is.
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        world.edit("a", approvalRequired=[])
        await world.run(2 * DAY)

        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 1


@played
async def test_an_observed_object_shows_a_renewal_and_sends_it_once_when_it_may() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        world.edit("a", managementPolicy="Observe")
        await world.run(2 * DAY)
        assert world.cost("a")[0] == 1
        assert world.conditions("a")["ChangePending"] == ("True", "Observing")
        world.edit("a", managementPolicy="Enforce")
        await world.run(DAY)

        assert world.cost("a")[0] == 2
        assert world.ready("a")[0] == "True"


@played
async def test_a_renewal_with_a_spec_change_at_the_same_time_is_one_call() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        await world.run(3500)
        world.edit("a", forceEncryption=True)
        await world.run(DAY)

        assert world.cost("a")[0] == 2
        assert world.ready("a")[0] == "True"


@played
async def test_what_the_vendor_has_renewed_meanwhile_is_not_renewed() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        world.edit("a", suspend=True)
        await world.run(2 * DAY)
        world.meddle("a", renew=True)
        world.edit("a", suspend=False)
        await world.run(DAY)

        assert world.cost("a")[0] == 1
        assert world.ready("a")[0] == "True"
