"""What only a deliberate fault showed to be untested: see `faults`."""

import logging
import re
from datetime import timedelta

import pytest

from rds_ssl.core.errors import KubeUnavailable
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import CREDENTIALS, MODIFY, NAMESPACE, EngineWorld, played
from support.line import Call
from support.simulator import ACCESS_KEY_SECRET


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


@played
async def test_an_intermediate_that_the_vendor_does_not_show_is_no_difference() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a", world.root.intermediate().leaf(world.host("a")))
        world.declare_custom("a")

        await world.run(1500)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize("moment", ["list_by_instance", "patch_status"])
async def test_an_object_that_is_suspended_right_before_the_call_is_not_sent(moment: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")

        def suspend(call: Call) -> None:
            if call.what == moment and not world.status("a").get("operation"):
                world.edit("a", suspend=True)

        world.line.before.append(suspend)
        world.declare("a")

        await world.run(1500)

        assert world.modifies("a") == []
        assert world.conditions("a")["ChangePending"] == ("True", "Suspended")


@played
async def test_a_call_whose_record_cannot_be_written_leaves_its_slot_to_others() -> None:
    async with EngineWorld(budget=1) as world:
        world.add_instance("a")
        world.add_instance("b")

        def refuse(call: Call) -> None:
            if call.phase == "Sending" and call.about == "a":
                raise KubeUnavailable("503", status=503)

        world.line.before.append(refuse)
        world.declare("a")
        await world.run(30)
        world.declare("b")

        await world.run(600)

        assert world.modifies("a") == []
        assert world.ready("b") == ("True", "Verified")


@played
async def test_a_new_process_knows_the_slots_of_changes_under_way_before_its_first_pass() -> None:
    async with EngineWorld(budget=1) as world:
        world.rds.config(durations={"change": 100.0})
        others = [f"a{number}" for number in range(12)]
        for name in others:  # Listed before the one whose change is under way.
            world.add_instance(name)
            world.declare(name, suspend=True)
        world.add_instance("z")
        world.declare("z")
        await world.run(10)
        assert world.status("z")["operation"]["phase"] == "Accepted"

        await world.crash()
        for name in others:
            world.edit(name, suspend=None)
        world.start()
        await world.run(20)

        assert world.status("z")["operation"]["phase"] == "Accepted"
        assert [name for name in others if world.modifies(name)] == []


@played
async def test_no_line_of_a_private_key_is_in_anything_that_is_written_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with EngineWorld() as world:
        world.add_instance("a")
        leaves = [world.write_pair("a")]
        world.declare_custom("a")
        await world.run(60)
        leaves.append(world.write_pair("a"))
        refusal = {"code": "InvalidServerCertOrPrivateKey", "status": 400}
        world.rds.fault(refusal, action=MODIFY)
        await world.run(60)
        assert world.conditions("a")["Stalled"] == ("True", "ServerCertificateRejected")
        world.ask("a", "again")

        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        seen = "".join(world.kube.written) + caplog.text
        lines = [line for leaf in leaves for line in leaf.key_pem().decode().splitlines()[1:-1]]
        assert "ChangeVerified" in seen
        assert [line for line in (*lines, ACCESS_KEY_SECRET) if line in seen] == []


@played
async def test_a_certificate_is_sent_as_soon_as_it_is_valid() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        tomorrow = world.clock() + timedelta(days=1)
        world.write_pair("a", world.root.leaf(world.host("a"), not_before=tomorrow))
        world.declare_custom("a")
        await world.run(3600)
        assert world.conditions("a")["MaterialReady"] == ("False", "NotYetValid")
        assert world.modifies("a") == []

        await world.run(86400)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


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


@played
async def test_a_reconcile_now_is_answered_once_what_it_asks_for_is_not_held_any_more() -> None:
    async with EngineWorld(timings=Timings(quiet_period=30.0)) as world:
        world.add_instance("a")
        world.declare("a")
        world.ask("a", "please")
        await world.run(20)
        assert world.conditions("a")["ChangePending"] == ("True", "QuietPeriod")
        assert "lastHandledReconcileAt" not in world.status("a")

        await world.run(120)

        assert world.status("a")["lastHandledReconcileAt"] == "please"
        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_password_leaves_no_trace_in_what_is_written() -> None:
    async def written(password: bytes) -> set[str]:
        async with EngineWorld() as world:
            world.add_instance("a", profile="sqlserver-2022")
            world.write("Secret", "a-pfx", {"password": password})
            file = {
                "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:orders.pfx",
                "passwordSecretKeyRef": {"name": "a-pfx", "key": "password"},
            }
            refusal = {"code": "InvalidServerCertOrPrivateKey", "status": 400}
            world.rds.fault(refusal, action=MODIFY)
            world.declare("a", serverCertificate={"caType": "custom", "pfx": file})
            await world.run(600)
            assert len(world.modifies("a")) == 1
            assert password.decode() not in "".join(world.kube.written)
            return set(re.findall(r'Digest": "[^"]+"', "".join(world.kube.written)))

    digests = await written(b"open sesame")

    assert len(digests) >= 1
    assert await written(b"another one") == digests


@played
async def test_what_changes_no_fact_costs_no_call_of_the_cloud_and_no_write() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.write_pair("a")
        world.declare_custom("a")
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        calls, writes = len(world.calls("a")), len(world.kube.written)

        for number in range(5):
            world.kube.label((NAMESPACE, "a"), at=str(number))
            world.write_pair("a", leaf, extra=str(number).encode())
            await world.run(5)

        assert len(world.calls("a")) == calls
        assert len(world.kube.written) == writes
