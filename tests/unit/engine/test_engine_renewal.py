"""Cloud certificates that the vendor does not renew: one call per date, and no other."""

from datetime import datetime

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, EngineWorld, played

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
