"""What is remembered where a write of the status is not answered."""

from rds_ssl.core.errors import KubeUnavailable
from rds_ssl.core.operation.verification import Limits
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played
from support.line import Call

SETTLE = Limits().settle


@played
async def test_two_unknown_outcomes_are_the_last_if_the_answer_to_a_status_write_is_lost() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=9999)
        world.declare("a")
        await world.run(10)
        world.edit("a", suspend=True)  # The next attempt has to wait: the record goes without it.
        lost: list[Call] = []

        def lose(call: Call) -> None:
            ends = call.what == "patch_status" and call.content.get("operation", "") is None
            if ends and not lost:
                lost.append(call)
                raise KubeUnavailable("503", status=503)  # It was executed.

        world.line.after.append(lose)
        await world.run(2 * SETTLE)
        assert lost
        assert "operation" not in world.status("a")
        world.edit("a", suspend=None)

        await world.run(7200)

        assert len(world.modifies("a")) == 2
        assert world.status("a")["operation"]["attempt"] == 2
        assert world.conditions("a")["Stalled"] == ("True", "ApplyTimedOut")


@played
async def test_a_slot_stays_with_a_change_whose_end_cannot_be_written() -> None:
    async with EngineWorld(budget=1) as world:
        for name in "ab":
            world.add_instance(name)
        unwritten = True

        def refuse(call: Call) -> None:
            if unwritten and call.about == "a" and "applied" in call.content:
                raise KubeUnavailable("503", status=503)

        world.line.before.append(refuse)
        world.declare("a")
        await world.run(2)
        world.declare("b")

        await world.run(300)

        assert world.status("a")["operation"]["phase"] == "Accepted"
        assert world.modifies("b") == []
        unwritten = False
        await world.run(600)
        assert world.ready("a") == world.ready("b") == ("True", "Verified")


@played
async def test_a_failure_that_cannot_be_written_keeps_the_same_material_from_other_instances() -> (
    None
):
    async with EngineWorld(budget=1) as world:
        for name in "abc":
            world.add_instance(name)
        world.write_pair("a", world.issuer.leaf(*map(world.host, "abc")))
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=99)
        unwritten = True

        def refuse(call: Call) -> None:
            if unwritten and call.what == "patch_status" and "history" in call.content:
                raise KubeUnavailable("503", status=503)

        world.line.before.append(refuse)
        server = {"serverCertificate": {"secretRef": {"name": "a-tls"}}}
        world.declare("a", **server)
        await world.run(2)
        world.declare("b", **server)
        world.declare("c", **server)

        await world.run(300)

        sent = {name: len(world.modifies(name)) for name in "abc"}
        assert sent == {"a": 1, "b": 0, "c": 0}
        unwritten = False


@played
async def test_a_deleted_object_that_waits_for_its_credentials_says_how_it_can_go() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", deletionPolicy="Disable")
        await world.run(100)
        assert world.ready("a") == ("True", "Verified")
        world.kube.delete_data("Secret", (NAMESPACE, "rds-credentials"))

        world.kube.delete((NAMESPACE, "a"))
        await world.run(5)

        condition = world.condition("Reconciling", "a") or world.condition("Stalled", "a")
        assert condition is not None
        assert "set spec.deletionPolicy to Retain" in condition["message"]


@played
async def test_what_an_own_change_left_is_no_first_contact_if_the_answer_to_a_record_is_lost() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate)})
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.declare_custom("a", clientAuthentication={"ca": ca, "acl": "verify-ca"})
        await world.run(300)
        assert world.conditions("a")["Stalled"] == ("True", "NotConverging")
        assert world.truth("a")["ssl"]["enabled"]
        lost: list[Call] = []

        def lose(call: Call) -> None:
            if call.phase == "Sending" and not lost:
                lost.append(call)
                raise KubeUnavailable("503", status=503)  # It was executed.

        world.line.after.append(lose)
        world.edit("a", clientAuthentication={"ca": ca, "acl": "cert"})
        await world.run(3000)

        assert lost
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (2, 2)
