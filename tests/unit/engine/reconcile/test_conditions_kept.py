"""What Ready and the other conditions keep saying while something else happens."""

from datetime import timedelta

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, EngineWorld, played


@played
async def test_what_is_wrong_from_the_beginning_is_told_by_one_event() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare_custom("a")  # Its Secret does not exist.

        await world.run(1500)

        assert world.conditions("a")["Stalled"] == ("True", "SecretNotFound")
        assert world.events("a") == ["SecretNotFound"]


@played
async def test_credentials_that_are_missing_from_the_beginning_are_told_by_one_event() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", credentialsSecretRef={"name": "missing"})

        await world.run(1500)

        assert world.conditions("a")["Stalled"] == ("True", "CredentialsNotFound")
        assert world.events("a") == ["CredentialsNotFound"]


@played
async def test_a_refusal_is_told_by_one_event() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refusal = {"code": "InvalidCAType.NotFound", "status": 400}
        world.rds.fault(refusal, action=MODIFY, times=9999)
        world.declare("a")

        await world.run(1500)

        assert world.events("a") == ["ChangeStarted", "CATypeRejected"]
        assert len(world.modifies("a")) == 1


@played
async def test_nothing_is_adopted_while_the_instance_is_at_work() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", ssl={"enabled": True})
        world.rds.patch_instance("pgm-a", status="SSL_MODIFYING")
        world.declare("a")

        await world.run(20)

        assert "applied" not in world.status("a")
        assert world.conditions("a")["Reconciling"] == ("True", "InstanceBusy")
        world.rds.patch_instance("pgm-a", status="Running")
        await world.run(600)
        assert world.ready("a") == ("True", "Adopted")


@played
async def test_a_rotation_that_is_held_past_the_end_of_what_is_in_force_is_not_ready() -> None:
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=86400.0)) as world:
        world.add_instance("a")
        end = world.clock() + timedelta(days=20)
        world.write_pair("a", world.root.leaf(world.host("a"), not_after=end))
        world.declare_custom("a")
        await world.run(100)
        world.edit("a", suspend=True)
        world.write_pair("a")
        await world.run(10)
        assert world.ready("a")[0] == "True"

        await world.run((end - world.clock()).total_seconds() + 60)

        assert world.ready("a") == ("False", "CertificateExpired")
        assert world.conditions("a")["ChangePending"] == ("True", "Suspended")


@played
async def test_a_rotation_that_is_held_says_of_the_settings_that_they_are_verified() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        busy = {"code": "Forbidden.RAM", "status": 403}
        world.rds.fault(busy, times=1)
        world.ask("a", "now")
        await world.run(1)
        assert world.ready("a") == ("False", "Forbidden")
        world.edit("a", suspend=True)
        world.write_pair("a")

        await world.run(120)

        assert world.ready("a") == ("True", "Verified")
        assert world.conditions("a")["ChangePending"] == ("True", "Suspended")


@played
async def test_readiness_of_an_earlier_spec_is_not_kept_while_the_instance_is_busy() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare("a")
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        world.rds.patch_instance("pgm-a", status="MINOR_VERSION_UPGRADING")

        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})
        await world.run(20)

        assert world.ready("a") == ("False", "InstanceBusy")


@played
async def test_readiness_of_before_the_call_is_kept_when_the_call_was_not_executed() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare("a")
        await world.run(60)
        world.rds.fault({"code": "Throttling.User", "status": 400}, action=MODIFY, times=9999)

        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})
        await world.run(30)

        assert world.ready("a") == ("False", "Throttled")


@played
async def test_a_quiet_period_is_shown_again_after_an_outage_was_shown() -> None:
    async with EngineWorld(timings=Timings(quiet_period=60.0)) as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(1)
        assert world.conditions("a")["Reconciling"] == ("True", "QuietPeriod")
        world.rds.fault({"kind": "reset-before"}, times=1)
        assert world.engine is not None
        world.engine.reconciler.force(("shop", "a"))
        world.engine.queue.add(("shop", "a"))
        await world.run(1)
        assert world.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")

        await world.run(10)

        assert world.conditions("a")["Reconciling"] == ("True", "QuietPeriod")


@played
async def test_a_verdict_that_only_an_outage_changed_is_set_right_at_once() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)
        world.rds.fault({"kind": "reset-before"}, times=2)
        world.edit("a", driftPolicy="Report")

        await world.run(10)

        assert world.ready("a") == ("True", "Verified")
        assert "Reconciling" not in world.conditions("a")
        assert world.status("a")["observedGeneration"] == 2
