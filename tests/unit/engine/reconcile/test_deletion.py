"""What happens to the instance when its object, or its namespace, is deleted."""

import logging

import pytest

from rds_ssl.core.model import FINALIZER
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import CREDENTIALS, MODIFY, NAMESPACE, EngineWorld, played
from support.line import Call

UNREADABLE = {
    "digest": "x",
    "phase": "Paused",
    "startTime": "2026-01-01T00:00:00Z",
    "attempt": 1,
}
"""A write-ahead record of a newer version."""

OFF = (2, 2)
"""Accepted calls and restarts of an instance that was turned on and off."""

WAY_OUT = "Or set spec.deletionPolicy to Retain"

REFUSED = {"code": "InvalidSSLStatus", "status": 400}
"""An answer that rests on what the instance is."""

HOSTSSL = ("hostssl", "all", "all", "0.0.0.0/0", "scram-sha-256")


async def on(world: EngineWorld, name: str = "a", **spec: object) -> None:
    """Bring an instance to SSL on, by an object that is to turn it off when it goes."""
    world.add_instance(name)
    world.declare(name, **{"deletionPolicy": "Disable", **spec})
    await world.run(60)
    assert world.ready(name) == ("True", "Verified")


def exists(world: EngineWorld, name: str = "a") -> bool:
    return (NAMESPACE, name) in world.kube.objects


def is_on(world: EngineWorld, name: str = "a") -> bool:
    return bool(world.truth(name)["ssl"]["enabled"])


def released(world: EngineWorld, name: str = "a") -> str:
    """Give the message of the Event that tells why an object could go."""
    told = [each for each in world.kube.events if each["name"] == name]
    (event,) = (each for each in told if each["reason"] == "Released")
    return str(event["message"])


def stalled(world: EngineWorld, name: str = "a") -> str:
    """Give the message of Stalled, which must be that of Ready."""
    one, other = world.condition("Stalled", name), world.condition("Ready", name)
    assert one
    assert other
    assert (one["reason"], one["message"]) == (other["reason"], other["message"])
    return str(one["message"])


def shut(call: Call) -> None:
    """Fail for any change of an instance: a hook for `Line.before`."""
    assert call.what != MODIFY


# -- one object ---------------------------------------------------------------------------------


@played
async def test_an_object_to_retain_goes_at_once_also_while_its_change_is_in_flight() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(1)
        assert world.status("a")["operation"]["phase"] == "Accepted"

        world.kube.delete((NAMESPACE, "a"))

        assert not exists(world)
        await world.run(600)
        assert world.cost("a") == (1, 1)
        assert is_on(world)


@played
async def test_ssl_is_turned_off_by_one_call_and_then_the_object_goes() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.counted.clear()
        world.kube.delete((NAMESPACE, "a"))

        await world.run(60)

        assert not exists(world)
        assert world.cost("a") == OFF
        assert not is_on(world)
        assert "SSL is off" in released(world)
        assert world.counted == ["deletion: Restart, Weakens", "verified"]
        assert world.events("a")[-2:] == ["ChangeVerified", "Released"]


@played
async def test_the_call_waits_neither_for_approval_nor_for_a_quiet_period() -> None:
    async with EngineWorld(timings=Timings(quiet_period=300.0)) as world:
        world.add_instance("a")
        world.declare("a", deletionPolicy="Disable", approvalRequired=["Weakens", "Restart"])
        world.meddle("a", enabled=True)
        await world.run(60)
        assert world.ready("a") == ("True", "Adopted")
        world.kube.delete((NAMESPACE, "a"))

        await world.run(60)

        assert not exists(world)
        assert world.cost("a") == (1, 1)


@played
async def test_a_change_of_its_own_in_flight_is_followed_to_its_end_before_ssl_is_turned_off() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 60.0})
        world.declare("a", deletionPolicy="Disable")
        await world.run(1)
        world.kube.delete((NAMESPACE, "a"))

        await world.run(30)
        assert world.cost("a") == (1, 1)
        await world.run(300)

        assert not exists(world)
        assert world.cost("a") == OFF
        assert [each.overlaps for each in world.accepted] == [False, False]
        assert not is_on(world)


@played
@pytest.mark.parametrize("executed", [True, False])
async def test_a_deletion_between_record_and_answer_costs_one_call_of_each_kind(
    *, executed: bool
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")

        def delete(call: Call) -> None:
            if call.phase == "Sending":
                world.line.after.remove(delete)
                world.kube.delete((NAMESPACE, "a"))

        world.line.after.append(delete)
        if not executed:
            world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=1)
        world.declare("a", deletionPolicy="Disable")

        await world.run(900)

        assert not exists(world)
        assert world.cost("a") == (OFF if executed else (0, 0))
        assert not is_on(world)


@played
async def test_a_first_change_that_failed_leaves_nothing_to_turn_off() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"kind": "async-half"}, action=MODIFY, times=1)
        world.declare("a", deletionPolicy="Disable")
        await world.run(1)
        world.kube.delete((NAMESPACE, "a"))

        await world.run(600)

        assert not exists(world)
        assert "never been applied" in released(world)
        assert world.cost("a")[0] == 1


@played
async def test_an_edit_to_retain_lets_an_object_go_that_waits() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", lock_mode="LockByDiskQuota")
        world.kube.delete((NAMESPACE, "a"))
        await world.run(1200)
        assert exists(world)

        world.edit("a", deletionPolicy="Retain")
        await world.run(2)

        assert not exists(world)
        assert "Retain" in released(world)
        assert world.cost("a") == (1, 1)


@played
async def test_an_unreadable_record_holds_an_object_until_it_is_to_retain() -> None:
    async with EngineWorld() as world:
        await on(world)
        record = {"digest": "x", "phase": "Paused", "startTime": "2026-01-01T00:00:00Z"}
        world.kube.put_status((NAMESPACE, "a"), {"operation": record})
        world.kube.delete((NAMESPACE, "a"))
        await world.run(1500)
        assert "status.operation cannot be read" in stalled(world)
        assert WAY_OUT in stalled(world)

        world.edit("a", deletionPolicy="Retain")
        await world.run(2)

        assert not exists(world)
        assert world.cost("a") == (1, 1)


@played
async def test_an_unreadable_record_of_a_first_change_is_not_taken_for_no_change() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", deletionPolicy="Disable", suspend=True)
        await world.run(60)
        record = {"digest": "x", "phase": "Paused", "startTime": "2026-01-01T00:00:00Z"}
        world.kube.put_status((NAMESPACE, "a"), {"operation": record})
        world.edit("a", suspend=False)
        world.kube.delete((NAMESPACE, "a"))

        await world.run(300)

        assert "status.operation cannot be read" in stalled(world)


@played
async def test_missing_credentials_are_named_and_the_call_follows_within_seconds_of_them() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.kube.delete_data("Secret", (NAMESPACE, CREDENTIALS))
        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)
        assert world.conditions("a")["Reconciling"] == ("True", "CredentialsNotFound")
        await world.run(600)
        assert CREDENTIALS in stalled(world)
        assert WAY_OUT in stalled(world)
        await world.restart()
        await world.run(60)
        assert world.conditions("a")["Stalled"] == ("True", "CredentialsNotFound")

        world.write_credentials(CREDENTIALS)
        await world.run(40)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
@pytest.mark.parametrize(
    ("fields", "words", "healed"),
    [
        ({"status": "Stopped"}, "is stopped", {"status": "Running"}),
        ({"status": "Deleting"}, "is being deleted", {"status": "Running"}),
        ({"hba_rows": [HOSTSSL]}, " ".join(HOSTSSL), {"hba_rows": []}),
    ],
)
async def test_what_is_in_the_way_is_told_and_the_call_follows_once_it_is_gone(
    fields: dict[str, object], words: str, healed: dict[str, object]
) -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", **fields)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(1200)
        assert words in stalled(world)
        assert WAY_OUT in stalled(world)
        assert world.cost("a") == (1, 1)

        world.rds.patch_instance("pgm-a", **healed)
        await world.run(900)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
async def test_what_is_in_the_way_is_told_before_the_window_opens() -> None:
    async with EngineWorld() as world:
        saturday = {"schedule": "0 3 * * SAT", "duration": "1h", "timeZone": "UTC"}
        await on(world)
        world.edit("a", maintenance={"windows": [saturday]})
        world.rds.patch_instance("pgm-a", hba_rows=[HOSTSSL])
        world.kube.delete((NAMESPACE, "a"))

        await world.run(30)

        assert " ".join(HOSTSSL) in stalled(world)


@played
async def test_an_instance_that_is_busy_is_waited_for_and_needs_nobody() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", status="BACKING_UP")
        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)
        assert world.conditions("a")["Reconciling"] == ("True", "InstanceBusy")
        assert "Stalled" not in world.conditions("a")

        world.rds.patch_instance("pgm-a", status="Running")
        await world.run(200)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
async def test_rows_that_may_not_be_read_hold_nothing_and_cost_a_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", hba_rows=[HOSTSSL])
        denied = {"code": "NoPermission", "status": 403}
        world.rds.fault(denied, action="DescribePGHbaConfig", times=99)
        world.kube.delete((NAMESPACE, "a"))

        with caplog.at_level(logging.INFO):
            await world.run(60)

        assert not exists(world)
        assert world.cost("a") == OFF
        told = [each for each in caplog.messages if each.startswith("hostssl rows are not known")]
        assert len(told) == 1


@played
async def test_an_api_that_is_silent_about_the_rows_is_asked_again_before_ssl_goes() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", hba_rows=[HOSTSSL])
        world.rds.fault({"kind": "reset-before"}, action="DescribePGHbaConfig", times=1)
        world.kube.delete((NAMESPACE, "a"))

        await world.run(120)

        assert world.conditions("a")["Stalled"] == ("True", "HostSSLRowsPresent")
        assert world.modifies("a") == world.modifies("a")[:1]


@played
async def test_at_most_three_rows_are_named() -> None:
    async with EngineWorld() as world:
        await on(world)
        rows = [("hostssl", f"db{each}", "all", "all", "cert") for each in range(5)]
        world.rds.patch_instance("pgm-a", hba_rows=[*rows, ("host", "all", "all", "all", "md5")])
        world.kube.delete((NAMESPACE, "a"))

        await world.run(60)

        assert "db2 all all cert and 2 more." in stalled(world)
        assert "db3" not in stalled(world)


@played
async def test_a_refused_call_is_told_and_made_again_only_once_the_instance_is_another() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.config(switches={"off-with-ca": "refused"})
        ca = world.root.pem.decode()
        world.meddle("a", client_ca=ca, acl="prefer")
        await world.run(700)
        world.kube.delete((NAMESPACE, "a"))

        await world.run(3000)
        assert len(world.modifies("a")) == 2
        assert world.conditions("a")["Stalled"][1] in {"SSLStatusRejected", "RequestRejected"}
        assert WAY_OUT in stalled(world)
        world.meddle("a", client_ca="")
        await world.run(700)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
@pytest.mark.parametrize("another", [{"kernel_version": "rds_20250601"}, {"profile": "mysql-8.0"}])
async def test_a_refused_call_is_made_again_once_the_instance_is_of_another_kind(
    another: dict[str, object],
) -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.fault(REFUSED, action=MODIFY, times=1)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(1500)
        assert exists(world)
        assert len(world.modifies("a")) == 2

        world.rds.patch_instance("pgm-a", **another)
        await world.run(700)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
async def test_what_did_not_converge_is_sent_once_more_with_the_approval_that_it_tells() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.config(durations={"change": 30.0})
        world.kube.delete((NAMESPACE, "a"))
        await world.run(34)
        assert not is_on(world)
        world.meddle("a", enabled=True)  # Before anybody has seen it off.
        await world.run(900)
        assert world.conditions("a")["Stalled"] == ("True", "NotConverging")
        assert WAY_OUT in stalled(world)
        digest = world.status("a")["plan"]["digest"]
        assert f"rds-ssl.dev/approve: {digest}" in stalled(world)
        assert len(world.modifies("a")) == 2

        world.kube.annotate((NAMESPACE, "a"), approve=digest)
        await world.run(300)

        assert not exists(world)
        assert len(world.modifies("a")) == 3
        assert not is_on(world)


@played
async def test_the_approval_of_another_plan_ends_when_the_object_is_deleted() -> None:
    """What was approved is not to be done any more."""
    async with EngineWorld() as world:
        await on(world, approvalRequired=["Tightens"])
        world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem})
        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.edit("a", clientAuthentication={"ca": ca, "acl": "cert"})
        await world.run(60)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=1)
        digest = world.status("a")["plan"]["digest"]
        world.kube.annotate((NAMESPACE, "a"), approve=digest)
        await world.run(120)
        assert "endTime" not in world.status("a")["lastApproval"]
        world.rds.patch_instance("pgm-a", status="Stopped")

        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)

        assert world.status("a")["lastApproval"]["digest"] == digest
        assert "endTime" in world.status("a")["lastApproval"]


@played
async def test_a_silent_api_is_told_and_the_call_follows_once_it_answers() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.fault({"kind": "reset-before"}, times=9999)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(300)
        assert world.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")
        assert exists(world)

        world.rds.clear_faults()
        await world.run(60)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
async def test_a_read_only_operator_lets_objects_go_and_leaves_ssl_on() -> None:
    async with EngineWorld() as world:
        await on(world)
        await world.crash()
        world.timings = Timings(quiet_period=0.0, read_only=True)
        world.start()
        world.kube.delete((NAMESPACE, "a"))

        await world.run(30)

        assert not exists(world)
        assert "READ_ONLY" in released(world)
        assert world.cost("a") == (1, 1)


@played
async def test_a_slot_that_is_not_free_is_waited_for() -> None:
    async with EngineWorld(budget=1) as world:
        await on(world)
        await on(world, "b")
        world.rds.config(durations={"change": 120.0})
        world.kube.delete((NAMESPACE, "a"))
        world.kube.delete((NAMESPACE, "b"))
        await world.run(20)
        assert sorted(world.cost(each) for each in "ab") == [(1, 1), OFF]
        waiting = next(each for each in "ab" if world.cost(each) == (1, 1))
        assert world.conditions(waiting)["Reconciling"] == ("True", "AwaitingBudget")

        await world.run(400)

        assert not world.kube.objects
        assert [world.cost(each) for each in "ab"] == [OFF, OFF]


@played
async def test_ssl_stays_on_for_an_object_of_another_name_that_has_not_reached_it_yet() -> None:
    """A rename: the new object is in conflict from the beginning, and the old one goes."""
    async with EngineWorld() as world:
        await on(world)
        world.declare("b", instanceID="pgm-a")
        await world.run(5)
        assert world.ready("b") == ("False", "Conflict")

        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)

        assert not exists(world)
        assert "another object" in released(world)
        assert world.ready("b") == ("True", "Adopted")
        assert world.cost("a") == (1, 1)


@played
async def test_an_object_of_another_namespace_that_never_reached_the_instance_is_no_claimant() -> (
    None
):
    async with EngineWorld() as world:
        await on(world)
        spec = {"instanceID": "pgm-a", "regionID": "cn-hangzhou"}
        world.kube.create(("other", "b"), spec)
        await world.run(5)

        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
async def test_ssl_stays_on_for_a_claimant_that_only_another_operator_serves() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.kube.hidden.add((NAMESPACE, "b"))
        world.declare("b", instanceID="pgm-a")
        world.kube.put_status((NAMESPACE, "b"), {"instance": {"engine": "PostgreSQL"}})

        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)

        assert not exists(world)
        assert "another object" in released(world)
        assert world.cost("a") == (1, 1)


# -- a namespace that is being deleted ----------------------------------------------------------


@played
async def test_in_a_deleted_namespace_ssl_is_turned_off_and_nobody_waits_for_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with EngineWorld() as world:
        await on(world, credentialsSecretRef={"name": CREDENTIALS})
        world.rds.config(durations={"change": 120.0})
        world.kube.terminating.add(NAMESPACE)
        world.kube.delete((NAMESPACE, "a"))

        await world.run(5)

        assert not exists(world)
        assert world.cost("a") == OFF
        told = [each for each in caplog.messages if each.startswith("Released")]
        assert len(told) == 1
        assert "A change may be at work" in told[0]
        await world.run(300)
        assert not is_on(world)
        assert world.cost("a") == OFF
        assert not world.engine or len(world.engine.budget) == 0


@played
async def test_a_deleted_namespace_without_credentials_holds_no_object(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with EngineWorld() as world:
        await on(world)

        world.kube.delete_namespace(NAMESPACE, secrets_first=True)
        await world.run(5)

        assert not world.kube.objects
        assert world.cost("a") == (1, 1)
        assert any(CREDENTIALS in each for each in caplog.messages if "Released" in each)


@played
@pytest.mark.parametrize("secrets_first", [True, False])
async def test_no_order_of_deletion_holds_a_namespace_of_many_objects(
    *, secrets_first: bool
) -> None:
    async with EngineWorld(budget=2) as world:
        names = "abcdef"
        for each in names:
            await on(world, each)

        world.kube.delete_namespace(NAMESPACE, secrets_first=secrets_first)
        await world.run(5)

        assert not world.kube.objects
        assert all(world.cost(each)[0] <= 2 for each in names)


@played
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "BACKING_UP"}, "busy"),
        ({"status": "Stopped"}, "stopped"),
        ({"lock_mode": "LockByExpiration"}, "locked"),
        ({"hba_rows": [HOSTSSL]}, "hostssl"),
    ],
)
async def test_nothing_about_the_instance_holds_a_deleted_namespace(
    caplog: pytest.LogCaptureFixture, fields: dict[str, object], words: str
) -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", **fields)
        world.line.before.append(shut)
        world.kube.terminating.add(NAMESPACE)

        world.kube.delete((NAMESPACE, "a"))
        await world.run(5)

        assert not exists(world)
        (told,) = (each for each in caplog.messages if each.startswith("Released"))
        assert words in told


@played
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset-before"},
        {"code": "Throttling.User", "status": 400},
        {"code": "NoPermission", "status": 403},
        {"code": "InternalError", "status": 500},
        {"kind": "bare"},
    ],
)
@pytest.mark.parametrize("action", [MODIFY, "DescribeDBInstanceSSL", "DescribeDBInstanceAttribute"])
async def test_no_answer_of_the_api_holds_a_deleted_namespace_and_none_is_asked_for_twice(
    fault: dict[str, object], action: str
) -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.fault(fault, action=action, times=9999)
        world.kube.terminating.add(NAMESPACE)

        world.kube.delete((NAMESPACE, "a"))
        await world.run(600)

        assert not exists(world)
        assert len(world.modifies("a")) <= 2


@played
async def test_an_object_that_waits_goes_soon_after_its_namespace_is_deleted() -> None:
    """Nothing tells of it: neither the object nor a Secret of it changes."""
    async with EngineWorld() as world:
        await on(world)
        world.rds.patch_instance("pgm-a", status="Stopped")
        world.kube.delete((NAMESPACE, "a"))
        await world.run(1000)
        assert exists(world)

        world.kube.terminating.add(NAMESPACE)
        await world.run(130)

        assert not exists(world)


@played
async def test_an_unreadable_record_holds_no_deleted_namespace_and_nothing_is_sent() -> None:
    async with EngineWorld() as world:
        await on(world)
        record = {"digest": "x", "phase": "Paused", "startTime": "2026-01-01T00:00:00Z"}
        world.kube.put_status((NAMESPACE, "a"), {"operation": record})
        world.kube.terminating.add(NAMESPACE)

        world.kube.delete((NAMESPACE, "a"))
        await world.run(5)

        assert not exists(world)
        assert world.cost("a") == (1, 1)


@played
async def test_a_change_at_work_when_the_namespace_is_deleted_is_left_alone() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 120.0})
        world.declare("a", deletionPolicy="Disable")
        await world.run(10)
        assert world.status("a")["operation"]["phase"] == "Accepted"

        world.kube.delete_namespace(NAMESPACE, secrets_first=False)
        await world.run(600)

        assert not world.kube.objects
        assert world.cost("a") == (1, 1)


@played
async def test_a_crash_after_the_call_costs_a_deleted_namespace_no_second_one() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.config(durations={"change": 120.0})
        world.kube.terminating.add(NAMESPACE)

        def cut(call: Call) -> None:
            if call.what == MODIFY:
                world.line.cut_after = call.number

        world.line.before.append(cut)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(2)
        assert world.line.is_cut.is_set()
        world.line.before.remove(cut)
        await world.restart()
        await world.run(600)

        assert not exists(world)
        assert world.cost("a") == OFF


@played
async def test_how_long_a_change_takes_does_not_count_what_the_api_server_is_asked() -> None:
    asked = []
    for seconds in (2.0, 170.0):
        async with EngineWorld() as world:
            await on(world)
            world.rds.config(durations={"change": seconds})
            before = len(world.line.calls)
            world.kube.delete((NAMESPACE, "a"))
            await world.run(400)
            assert not exists(world)
            asked.append(
                sorted(each.what for each in world.line.calls[before:] if each.port == "kube")
            )

    assert asked[0] == asked[1]
    assert asked[0].count("is_terminating") == 1


@played
async def test_the_finalizer_of_others_stays() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.kube.put_finalizer((NAMESPACE, "a"), "example.org/own")
        world.kube.delete((NAMESPACE, "a"))

        await world.run(60)

        finalizers = world.kube.objects[NAMESPACE, "a"]["metadata"]["finalizers"]
        assert finalizers == ["example.org/own"]
        assert world.cost("a") == OFF


@played
async def test_a_call_without_effect_is_made_again_although_a_read_before_it_fails() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=1)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(10)
        assert len(world.modifies("a")) == 2
        assert is_on(world)
        world.rds.fault({"kind": "reset-before"}, action="DescribePGHbaConfig", times=1)

        await world.run(240)

        assert not exists(world)
        assert len(world.modifies("a")) == 3
        assert world.cost("a") == OFF


@played
async def test_an_object_whose_credentials_are_missing_gets_its_finalizer_without_a_conflict() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", deletionPolicy="Disable", credentialsSecretRef={"name": "none"})

        await world.run(5)

        assert world.kube.objects[NAMESPACE, "a"]["metadata"]["finalizers"]
        assert "conflict" not in {result for _, _, result in world.passes}


@played
async def test_a_deletion_with_a_record_that_cannot_be_read_sends_nothing() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", deletionPolicy="Disable")
        await world.run(60)
        world.kube.put_status((NAMESPACE, "a"), {"operation": UNREADABLE})
        world.kube.delete((NAMESPACE, "a"))

        await world.run(1500)

        assert world.conditions("a")["Stalled"] == ("True", "DeclarationInvalid")
        assert world.cost("a") == (1, 1)
        assert FINALIZER in world.kube.objects[NAMESPACE, "a"]["metadata"]["finalizers"]


@played
async def test_ssl_stays_on_for_an_object_that_is_suspended_when_it_is_deleted() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", deletionPolicy="Disable")
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        world.edit("a", suspend=True)
        await world.run(60)

        world.kube.delete((NAMESPACE, "a"))
        await world.run(600)

        assert (NAMESPACE, "a") not in world.kube.objects
        assert world.truth("a")["ssl"]["enabled"]
        assert world.cost("a") == (1, 1)
