"""
What histories and crashes found: an attempt whose outcome was never known, and what it holds.

A call without an answer that had no effect is followed by one more attempt. What if that one cannot
go, or is not even the first?
"""

import itertools
from datetime import UTC, datetime

import httpx
import pytest

from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played
from support.line import Call

SETTLE = Limits().settle
DAY = 86_400.0

WITHOUT_EFFECT: dict[str, dict[str, object]] = {
    "throttled": {"code": "Throttling.User", "status": 400},
    "busy": {"code": "OperationDenied.DBInstanceStatus", "status": 403},
    "lost": {"kind": "reset-before"},
}
"""Faults of a call that is not executed, and that does not say that its content was refused."""


@played
@pytest.mark.parametrize("obstacle", ["suspended", "broken"])
async def test_an_attempt_that_cannot_be_made_again_holds_no_slot(obstacle: str) -> None:
    async with EngineWorld(budget=1) as world:
        for name in "ab":
            world.add_instance(name)
            world.write_pair(name)
        world.rds.fault({"kind": "reset-before"}, action=MODIFY)
        world.declare_custom("a")
        await world.run(10)
        world.declare_custom("b")
        if obstacle == "suspended":
            world.edit("a", suspend=True)
        else:
            world.write("Secret", "a-tls", {"tls.crt": b"no PEM", "tls.key": b"none"})

        await world.run(2 * SETTLE)

        assert {"Stalled", "ChangePending"} & world.conditions("a").keys()
        assert world.cost("b") == (1, 1)
        assert world.ready("b") == ("True", "Verified")


@played
@pytest.mark.parametrize("obstacle", ["suspended", "broken"])
async def test_an_attempt_that_cannot_be_made_again_is_not_followed_for_ever(obstacle: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.rds.fault({"kind": "reset-before"}, action=MODIFY)
        world.declare_custom("a")
        await world.run(10)
        if obstacle == "suspended":
            world.edit("a", suspend=True)
        else:
            world.write("Secret", "a-tls", {"tls.crt": b"no PEM", "tls.key": b"none"})
        await world.run(SETTLE)
        before = len(world.calls("a"))

        await world.run(3000)

        assert len(world.calls("a")) - before < 20  # A look every ten minutes, not every POLL.


@played
async def test_an_attempt_that_only_a_quiet_period_holds_is_made_when_it_is_over() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.add_instance("a")
        world.rds.fault({"kind": "reset-before"}, action=MODIFY)
        world.declare("a")
        await world.run(10 + SETTLE - 2)
        world.ask("a", "now")

        await world.run(30)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_a_crash_before_the_second_attempt_after_a_failure_is_sent_is_made_good() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)
        world.declare("a")
        await world.run(100)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")

        def die(call: Call) -> None:
            if call.what == "patch_status" and "startTime" in (call.content.get("operation") or {}):
                world.line.cut()  # The record stands; the call is never made.

        world.line.after.append(die)
        await world.line.is_cut.wait()
        world.line.after.remove(die)
        await world.restart()
        assert world.kube.objects[NAMESPACE, "a"]["status"]["operation"]["attempt"] == 2

        await world.run(3000)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (2, 2)


@played
@pytest.mark.parametrize("name", WITHOUT_EFFECT)
async def test_what_an_own_change_left_half_done_is_no_first_contact_after_a_lost_retry(
    name: str,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate)})
        world.rds.fault({"kind": "async-half"}, action=MODIFY)
        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.declare_custom("a", clientAuthentication={"ca": ca, "acl": "verify-ca"})
        await world.run(100)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")
        assert world.truth("a")["ssl"]["enabled"]
        world.rds.fault(WITHOUT_EFFECT[name], action=MODIFY)

        await world.run(3000)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (2, 2)


@played
async def test_attempts_that_failed_are_counted_over_those_that_were_never_executed() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=99)
        turns = itertools.count()

        def refuse(call: Call) -> None:
            if call.what == MODIFY and next(turns) % 2:
                raise httpx.ConnectError("refused")  # Every second call.

        world.line.before.append(refuse)
        world.declare("a")

        await world.run(9000)

        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")
        assert world.cost("a") == (3, 3)


@played
async def test_ten_minutes_lie_between_a_failure_and_the_next_accepted_attempt() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=99)
        turns = itertools.count()

        def refuse(call: Call) -> None:
            if call.what == MODIFY and next(turns) % 2:
                raise httpx.ConnectError("refused")

        world.line.before.append(refuse)
        world.declare("a")

        await world.run(9000)

        times = [each.at for each in world.accepted]
        assert all(after - before >= 600 for before, after in itertools.pairwise(times))


@played
@pytest.mark.parametrize("name", WITHOUT_EFFECT)
async def test_an_attempt_that_somebody_asked_for_is_made_although_the_first_call_went_astray(
    name: str,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refusal = {"code": "InvalidCAType.NotFound", "status": 400}
        world.rds.fault(refusal, action=MODIFY)
        world.declare("a")
        await world.run(60)
        assert world.conditions("a")["Stalled"] == ("True", "CATypeRejected")
        world.rds.fault(WITHOUT_EFFECT[name], action=MODIFY)

        world.ask("a", "now")
        await world.run(600)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_an_attempt_that_was_asked_for_outside_the_window_is_made_when_it_opens() -> None:
    friday = datetime(2027, 1, 1, tzinfo=UTC)
    saturdays = {"windows": [{"schedule": "0 3 * * SAT", "duration": "2h", "timeZone": "UTC"}]}
    async with EngineWorld(begins=friday, timings=Timings(quiet_period=0.0, resync=DAY)) as world:
        world.add_instance("a", ssl={"enabled": True})
        world.declare("a", maintenance=saturdays, adoptionPolicy="Overwrite", approvalRequired=[])
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=3)
        world.write_pair("a")
        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})
        await world.run(2 * DAY)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")
        assert world.cost("a") == (3, 3)

        world.ask("a", "once more")
        await world.run(60)
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingWindow")
        assert world.status("a").get("lastHandledReconcileAt") is None
        await world.restart()
        await world.run(7 * DAY)

        assert world.ready("a") == ("True", "Verified")
        assert world.status("a")["lastHandledReconcileAt"] == "once more"
        assert world.cost("a") == (4, 4)


@played
@pytest.mark.parametrize(
    ("profile", "another"),
    [
        ("mysql-8.0", {"force_encryption": True}),
        ("mysql-8.0", {"renew": True}),
        ("sqlserver-2019", {"tls_version": "1.1"}),
    ],
    ids=["forced encryption", "another end of the certificate", "another TLS minimum"],
)
async def test_a_refused_call_is_made_again_once_the_instance_shows_anything_else(
    profile: str, another: dict[str, object]
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.declare("a", approvalRequired=[])
        await world.run(60)
        world.rds.fault({"code": "InvalidSSLStatus", "status": 400}, action=MODIFY, times=1)
        world.edit("a", enabled=False)
        await world.run(1500)
        assert len(world.modifies("a")) == 2
        assert world.truth("a")["ssl"]["enabled"]

        world.meddle("a", **another)
        await world.run(700)

        assert len(world.modifies("a")) == 3
        assert not world.truth("a")["ssl"]["enabled"]
        assert world.ready("a")[0] == "True"


@played
async def test_two_unknown_outcomes_are_the_last_although_slots_are_contested() -> None:
    async with EngineWorld(budget=1) as world:
        for name in ("a", "b"):
            world.add_instance(name)
            world.declare(name)
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=9999)

        await world.run(7200)

        assert {name: len(world.modifies(name)) for name in "ab"} == {"a": 2, "b": 2}
        for name in "ab":
            assert world.status(name)["operation"]["attempt"] == 2
            assert world.conditions(name)["Stalled"] == ("True", "ApplyTimedOut")


@played
async def test_a_second_attempt_that_a_quiet_period_holds_stays_the_second() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.add_instance("a")
        world.declare("a")
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=9999)
        await world.run(185)
        world.ask("a", "now")  # The inputs are other ones: the next attempt waits.

        await world.run(3600)

        assert len(world.modifies("a")) == 2
        assert world.conditions("a")["Stalled"] == ("True", "ApplyTimedOut")
