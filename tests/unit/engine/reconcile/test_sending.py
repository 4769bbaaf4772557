"""What is sent, and in which order: record, call, acceptance."""

import hashlib
import itertools
import logging
import re

import pytest

from rds_ssl.core.errors import KubeUnavailable
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played
from support.line import Call
from support.simulator import ACCESS_KEY_SECRET


@pytest.mark.parametrize(
    "pause", [pytest.param(1.5, id="in the pass"), pytest.param(200.0, id="until another pass")]
)
@played
async def test_what_is_sent_is_the_material_of_now_not_of_before_the_wait_for_a_token(
    pause: float,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        accepted = world.truth("a")["accepted"]
        assert world.engine is not None
        limiter, looks = world.limiter(), list[Call]()

        def spend(call: Call) -> None:
            if call.what == "DescribeDBInstanceAttribute":  # The last look before the token.
                looks.append(call)
                limiter.pause(MODIFY, world.monotonic() + pause)

        world.line.after.append(spend)
        world.write_pair("a")
        while not looks:
            await world.run(0.1)
        await world.run(min(pause - 1.0, 50.0))
        world.line.after.remove(spend)
        newest = world.write_pair("a")
        await world.run(900)

        assert world.truth("a")["accepted"] == accepted + 1
        sent = world.accepted[-1].target.server
        assert sent is not None
        assert sent.sha256 == hashlib.sha256(pki.der(newest.certificate)).hexdigest()
        assert world.ready("a")[0] == "True"


@played
async def test_an_edit_during_the_call_is_not_taken_for_seen_by_the_record_of_acceptance() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)
        edits = itertools.count()

        def edit(call: Call) -> None:
            if call.phase == "Accepted" and next(edits) == 0:
                world.edit("a", connectionString="other.pg.rds.aliyuncs.com")
                world.ask("a", "token")

        world.line.before.append(edit)
        world.write_pair("a")
        await world.run(0.9)

        status = world.status("a")
        assert status["operation"]["phase"] == "Accepted"
        assert world.kube.objects[NAMESPACE, "a"]["metadata"]["generation"] == 2
        assert status["observedGeneration"] == 1
        assert "lastHandledReconcileAt" not in status


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
