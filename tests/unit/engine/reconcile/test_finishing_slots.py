"""Slots of changes whose end cannot be written at once."""

from rds_ssl.core.errors import KubeUnavailable
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played
from support.line import Call


@played
async def test_a_slot_stays_with_a_change_at_work_whose_object_cannot_be_let_go_yet() -> None:
    async with EngineWorld(budget=1) as world:
        for name in "ab":
            world.add_instance(name)

        def refuse(call: Call) -> None:
            if call.what == "patch_finalizers" and not call.content["finalizers"]:
                raise KubeUnavailable("503", status=503)

        world.line.before.append(refuse)
        world.declare("a", deletionPolicy="Disable")
        await world.run(2)
        assert world.status("a")["operation"]["phase"] == "Accepted"
        world.edit("a", suspend=True)  # Of a suspended object nothing is waited for.
        world.kube.delete((NAMESPACE, "a"))
        world.declare("b")

        await world.run(300)

        first, *others = world.accepted
        assert all(each.at >= first.ends_at for each in others)


@played
async def test_a_slot_stays_with_a_deletion_whose_namespace_cannot_be_asked_about() -> None:
    async with EngineWorld(budget=1) as world:
        for name in "ab":
            world.add_instance(name)
        world.declare("a", deletionPolicy="Disable")
        await world.run(100)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=1)
        unwritten = True

        def refuse(call: Call) -> None:
            if unwritten and call.what == "is_terminating" and len(world.modifies("a")) > 1:
                raise KubeUnavailable("503", status=503)

        world.line.before.append(refuse)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(2)
        world.declare("b")
        await world.run(200)
        assert len(world.modifies("a")) == 2
        assert world.status("a")["operation"]["phase"] in {"Sending", "Accepted"}
        assert world.modifies("b") == []
