"""Lives of objects and instances: gone and back, locked, restored, renamed, status lost."""

from collections.abc import Mapping

import pytest

from rds_ssl.core.checks import eligibility
from rds_ssl.core.model import Instance
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import CREDENTIALS, MODIFY, NAMESPACE, EngineWorld, Json, played
from support.line import Call

LOCKS = (
    "ManualLock",
    "LockByExpiration",
    "LockByRestoration",
    "LockByDiskQuota",
    "LockReadInstanceByDiskQuota",
)
"""LockMode of DescribeDBInstanceAttribute, but ``Unlock``."""


async def on(world: EngineWorld, name: str = "a", **spec: object) -> None:
    """Bring an instance to SSL on, by an object."""
    world.add_instance(name)
    world.declare(name, **spec)
    await world.run(60)
    assert world.ready(name) == ("True", "Verified")


def is_on(world: EngineWorld, name: str = "a") -> bool:
    return bool(world.truth(name)["ssl"]["enabled"])


def lose_status(world: EngineWorld, name: str = "a") -> None:
    """Take the status away, as a backup without it does; the object is the same."""
    status = world.status(name)
    world.kube.put_status((NAMESPACE, name), {**dict.fromkeys(status), "observedGeneration": -1})


def recreate(world: EngineWorld, name: str = "a", **metadata: object) -> None:
    """Delete an object and apply it again."""
    spec = world.kube.objects[NAMESPACE, name]["spec"]
    world.kube.delete((NAMESPACE, name))
    world.kube.create((NAMESPACE, name), spec, **metadata)


def restore(world: EngineWorld, name: str = "a", **ssl: object) -> None:
    """Restore an instance under its id: SSL is off, or as *ssl* says."""
    host = world.host(name)
    world.rds.delete_instance(f"pgm-{name}")
    world.add_instance(name, connection_string=host, ssl=ssl or None)


# -- the object -----------------------------------------------------------------------------------


@played
async def test_an_object_deleted_and_applied_again_is_adopted_without_a_call() -> None:
    async with EngineWorld() as world:
        await on(world)

        recreate(world)
        await world.run(60)

        assert world.ready("a") == ("True", "Adopted")
        assert world.cost("a") == (1, 1)
        assert len(world.modifies("a")) == 1


@played
async def test_an_object_with_another_certificate_applied_again_waits_for_approval() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        assert world.ready("a") == ("True", "Verified")
        world.kube.delete((NAMESPACE, "a"))
        world.write_pair("a")

        world.declare_custom("a")
        await world.run(60)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize("window", [0.3, 24.0])
@pytest.mark.parametrize("quiet_period", [0.0, 10.0])
@pytest.mark.parametrize("values", ["old", "new"])
async def test_an_object_applied_again_while_its_change_is_in_flight_sends_no_second_one(
    window: float, quiet_period: float, values: str
) -> None:
    """The instance still shows what it was, Running, for up to 25 s after it took the change."""
    async with EngineWorld(timings=Timings(quiet_period=quiet_period)) as world:
        world.add_instance("a")
        world.rds.config(
            switches={"window-values": values}, durations={"window": window, "change": 60.0}
        )
        world.declare("a")
        await world.run(quiet_period + 0.2)
        assert world.status("a")["operation"]["phase"] == "Accepted"

        recreate(world)
        await world.run(600)

        assert world.ready("a") == ("True", "Adopted")
        assert world.cost("a") == (1, 1)


@played
async def test_an_object_of_another_name_sends_nothing_while_the_firsts_change_is_in_flight() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"window": 24.0, "change": 60.0})
        world.declare("a")
        await world.run(0.2)
        world.kube.delete((NAMESPACE, "a"))
        world.declare("b", instanceID="pgm-a")

        await world.run(600)

        assert world.ready("b") == ("True", "Adopted")
        assert world.cost("a") == (1, 1)


@played
async def test_an_object_gone_after_a_call_without_effect_holds_its_instance_for_a_while_only() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=1)
        world.declare("a")
        await world.run(0.2)

        recreate(world)
        await world.run(100)
        assert world.cost("a") == (0, 0)
        assert world.conditions("a")["Reconciling"] == ("True", "AwaitingBudget")
        await world.run(200)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_credentials_that_appear_later_are_used_within_seconds() -> None:
    async with EngineWorld() as world:
        world.kube.delete_data("Secret", (NAMESPACE, CREDENTIALS))
        world.add_instance("a")
        world.declare("a")
        await world.run(1000)
        assert world.conditions("a")["Stalled"] == ("True", "CredentialsNotFound")
        assert world.calls("a") == []

        world.write_credentials(CREDENTIALS)
        await world.run(2)

        assert world.cost("a") == (1, 1)


# -- a status that is lost ------------------------------------------------------------------------


@played
async def test_a_lost_status_of_an_object_as_declared_is_adopted_without_a_call() -> None:
    async with EngineWorld() as world:
        await on(world)

        lose_status(world)
        await world.restart()
        await world.run(60)

        assert world.ready("a") == ("True", "Adopted")
        assert world.status("a")["applied"]
        assert world.cost("a") == (1, 1)
        assert len(world.modifies("a")) == 1


@played
async def test_a_restored_object_without_status_that_differs_waits_for_approval() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.meddle("a", enabled=True, acl="prefer")
        world.write_pair("a")
        spec: Json = {"serverCertificate": {"secretRef": {"name": "a-tls"}}}
        world.declare("a", **spec)
        await world.run(60)

        lose_status(world)
        await world.restart()
        await world.run(600)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.modifies("a") == []


@played
@pytest.mark.parametrize("restarted", [True, False])
async def test_a_record_lost_while_the_instance_is_busy_is_waited_for_and_then_judged(
    *, restarted: bool
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 120.0})
        world.declare("a")
        await world.run(5)
        assert world.truth("a")["status"] == "SSL_MODIFYING"

        lose_status(world)
        if restarted:
            await world.restart()
        await world.run(30)
        assert world.conditions("a")["Reconciling"][0] == "True"
        await world.run(600)

        assert world.ready("a") == ("True", "Adopted")
        assert world.cost("a") == (1, 1)


@played
async def test_a_record_lost_before_the_instance_is_seen_at_work_sends_no_second_call() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"window": 24.0, "change": 60.0})
        world.declare("a")
        await world.run(0.2)
        assert world.status("a")["operation"]["phase"] == "Accepted"

        lose_status(world)
        await world.run(600)

        assert world.ready("a") == ("True", "Adopted")
        assert world.cost("a") == (1, 1)


@played
async def test_an_object_restored_with_its_finalizer_and_deleted_leaves_ssl_on() -> None:
    """Nothing says that SSL was this object's doing."""
    async with EngineWorld() as world:
        await on(world, deletionPolicy="Disable")
        await world.crash()
        lose_status(world)
        world.kube.delete((NAMESPACE, "a"))
        world.start()

        await world.run(60)

        assert (NAMESPACE, "a") not in world.kube.objects
        assert world.cost("a") == (1, 1)
        assert is_on(world)


# -- the instance ---------------------------------------------------------------------------------


@played
@pytest.mark.parametrize("how", ["deleted", "Released"])
async def test_an_instance_that_is_gone_is_told_and_heals_when_it_is_back(how: str) -> None:
    async with EngineWorld() as world:
        await on(world)
        host = world.host("a")
        if how == "deleted":
            world.rds.delete_instance("pgm-a")
        else:
            world.rds.patch_instance("pgm-a", status=how)
        await world.run(700)
        assert world.ready("a") == ("False", "InstanceNotFound")
        assert world.conditions("a")["Stalled"] == ("True", "InstanceNotFound")

        if how == "deleted":
            world.add_instance("a", connection_string=host, ssl={"enabled": True})
        else:
            world.rds.patch_instance("pgm-a", status="Running")
        await world.run(700)

        assert world.ready("a")[0] == "True"
        assert "Stalled" not in world.conditions("a")
        assert len(world.modifies("a")) == 1


@played
async def test_an_instance_that_does_not_exist_yet_is_taken_up_once_it_does() -> None:
    async with EngineWorld() as world:
        world.declare("a")
        await world.run(1000)
        assert world.ready("a") == ("False", "InstanceNotFound")

        world.add_instance("a")
        await world.run(700)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


UNAVAILABLE: tuple[Mapping[str, str], ...] = (
    *({"lock_mode": each} for each in LOCKS),
    *({"status": each} for each in ("Stopped", "Stopping", "Paused", "Deleting")),
)
LOCKS_OUT = {
    "ManualLock": "has to unlock it",
    "LockByExpiration": "pay the bill",
    "LockByRestoration": "being restored",
    "LockByDiskQuota": "extend it",
    "LockReadInstanceByDiskQuota": "extend it",
    "LockOfTomorrow": "unlock it",
}
WAYS_OUT = {
    "Stopped": "start it",
    "Stopping": "start it",
    "Paused": "resume it",
    "Deleting": "is being deleted",
}
AVAILABLE = {"lock_mode": "Unlock", "status": "Running"}


@pytest.mark.parametrize(("lock", "words"), LOCKS_OUT.items())
def test_a_lock_that_only_the_attributes_tell_is_named_with_its_way_out(
    lock: str, words: str
) -> None:
    instance = Instance(
        engine="PostgreSQL", engine_version="14.0", status="Running", lock_mode=lock
    )

    finding = eligibility.unavailable(instance)

    assert finding
    assert lock in finding.message
    assert words in finding.message


@played
@pytest.mark.parametrize("fields", UNAVAILABLE, ids=lambda each: "".join(each.values()))
async def test_an_instance_that_takes_no_write_leaves_an_object_ready_that_has_nothing_to_do(
    fields: Mapping[str, str],
) -> None:
    async with EngineWorld() as world:
        await on(world)
        before = world.conditions("a")

        world.rds.patch_instance("pgm-a", **fields)
        await world.run(3600)

        assert world.conditions("a") == before
        assert world.ready("a") == ("True", "Verified")
        assert len(world.modifies("a")) == 1


@played
@pytest.mark.parametrize("fields", UNAVAILABLE, ids=lambda each: "".join(each.values()))
async def test_an_instance_that_takes_no_write_is_told_where_something_is_to_be_done(
    fields: Mapping[str, str],
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.patch_instance("pgm-a", **fields)
        world.declare("a")
        await world.run(3600)
        assert world.conditions("a")["Stalled"] == ("True", "InstanceUnavailable")
        assert world.ready("a") == ("False", "InstanceUnavailable")
        assert world.modifies("a") == []
        ready = world.condition("Ready", "a")
        assert ready
        assert WAYS_OUT.get(fields.get("status", ""), "unlock") in ready["message"]

        world.rds.patch_instance("pgm-a", **AVAILABLE)
        await world.run(2000)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize(
    "status", ["Rebooting", "Restoring", "EngineVersionUpgrading", "Creating", "TRANSING"]
)
async def test_any_other_state_is_busy_and_ends_by_itself(status: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.patch_instance("pgm-a", status=status)
        world.declare("a")
        await world.run(300)
        assert world.conditions("a")["Reconciling"] == ("True", "InstanceBusy")
        assert world.modifies("a") == []

        world.rds.patch_instance("pgm-a", status="Running")
        await world.run(400)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_an_instance_restored_with_ssl_off_is_told_and_never_silently_restarted() -> None:
    async with EngineWorld() as world:
        await on(world)
        restore(world)

        await world.run(1500)

        assert world.ready("a") == ("False", "Drifted")
        assert world.conditions("a")["ChangePending"] == ("True", "Drifted")
        assert world.cost("a") == (0, 0)
        assert not is_on(world)


@played
async def test_an_instance_restored_with_another_certificate_is_told_and_left_as_it_is() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        assert world.ready("a") == ("True", "Verified")
        old = world.root.leaf(world.host("a"))
        pair = {"server_cert": old.chain_pem.decode(), "server_key": old.key_pem().decode()}
        restore(world, enabled=True, **pair)

        await world.run(1500)

        assert world.conditions("a")["ChangePending"] == ("True", "Drifted")
        assert world.ready("a") == ("False", "Drifted")
        assert world.cost("a") == (0, 0)


@played
async def test_an_instance_restored_with_another_cloud_certificate_is_as_declared() -> None:
    """The vendor renews it: whose it is counts, not which."""
    async with EngineWorld() as world:
        await on(world)
        restore(world, enabled=True)

        await world.run(1500)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (0, 0)


@played
async def test_a_restored_instance_that_an_object_never_changed_is_first_contact() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.patch_instance("pgm-a", status="Stopped")
        world.declare("a")
        await world.run(60)
        pair = world.root.leaf(world.host("a"))
        restore(
            world,
            enabled=True,
            server_cert=pair.chain_pem.decode(),
            server_key=pair.key_pem().decode(),
        )

        world.ask("a", "now")
        await world.run(600)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.modifies("a") == []


@played
@pytest.mark.parametrize("follows", [True, False])
async def test_an_endpoint_that_is_renamed_moves_nothing_silently(*, follows: bool) -> None:
    """*follows*: the vendor shows the new name as the protected one."""
    async with EngineWorld() as world:
        await on(world)
        old = world.host("a")
        world.rds.patch_instance("pgm-a", connection_string="new.pg.rds.aliyuncs.com")
        if follows:
            world.meddle("a", connection_string="new.pg.rds.aliyuncs.com")

        await world.run(1500)

        assert world.status("a")["instance"]["endpoint"] == old
        assert len(world.modifies("a")) == 1
        if follows:
            assert world.ready("a")[0] == "False"


@played
async def test_a_change_that_follows_a_renamed_endpoint_names_the_endpoints_there_are() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", connection_string="new.pg.rds.aliyuncs.com")
        world.meddle("a", connection_string="new.pg.rds.aliyuncs.com")

        world.ask("a", "now")
        await world.run(60)

        ready = world.condition("Ready", "a")
        assert ready
        assert "new.pg.rds.aliyuncs.com" in ready["message"]
        assert len(world.modifies("a")) == 1


@played
async def test_an_engine_upgraded_in_place_is_shown_from_the_next_change_on() -> None:
    async with EngineWorld() as world:
        await on(world)
        before = world.status("a")["instance"]["engineVersion"]
        world.rds.patch_instance("pgm-a", profile="postgresql-16")
        assert before.startswith("14")

        world.edit("a", enabled=False, approvalRequired=[])
        await world.run(100)

        assert world.status("a")["instance"]["engineVersion"].startswith("16")
        assert world.ready("a") == ("True", "Verified")


@played
async def test_an_instance_deleted_during_a_change_ends_the_wait_for_it() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 120.0})
        world.declare("a")
        await world.run(10)
        world.rds.delete_instance("pgm-a")

        await world.run(3600)

        assert world.ready("a") == ("False", "InstanceNotFound")
        assert world.conditions("a")["Stalled"] == ("True", "InstanceNotFound")
        assert world.status("a")["operation"]["phase"] == "TimedOut"


@played
async def test_an_instance_locked_during_a_change_is_followed_to_its_end() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 60.0})
        world.declare("a")
        await world.run(10)
        world.rds.patch_instance("pgm-a", lock_mode="LockByDiskQuota")
        await world.run(300)

        world.rds.patch_instance("pgm-a", lock_mode="Unlock")
        await world.run(1800)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_a_call_that_meets_a_lock_is_not_repeated_before_it_is_gone() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")

        def lock(call: Call) -> None:
            if call.what == MODIFY:
                world.line.before.remove(lock)
                world.rds.patch_instance("pgm-a", lock_mode="LockByExpiration")

        world.line.before.append(lock)
        world.declare("a")
        await world.run(3600)
        assert world.conditions("a")["Stalled"] == ("True", "InstanceUnavailable")
        assert len(world.modifies("a")) == 1

        world.rds.patch_instance("pgm-a", lock_mode="Unlock")
        await world.run(2000)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_a_late_word_of_an_object_that_is_gone_does_not_hide_the_one_after_it() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)
        late = world.kube.objects[NAMESPACE, "a"]
        world.kube.delete((NAMESPACE, "a"))
        world.declare("a", suspend=True)
        await world.run(10)
        assert world.engine is not None

        world.engine.router.observe("MODIFIED", late)
        world.edit("a", suspend=None)
        await world.run(300)

        assert world.status("a")["observedGeneration"] == 2
        assert world.ready("a")[0] == "True"
