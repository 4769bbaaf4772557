"""What events of the cluster put into the queue, and what they take out."""

from support.engine_world import CREDENTIALS, NAMESPACE, EngineWorld, played


@played
async def test_a_younger_claimant_that_was_listed_first_stands_back_after_a_restart() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("z", instanceID="pgm-a")
        await world.run(2)
        world.declare("a")
        await world.run(300)
        assert world.ready("a") == ("False", "Conflict")
        await world.crash()
        writes = world.kube.writes["patch_status"]
        older = world.kube.objects.pop((NAMESPACE, "z"))
        world.start()
        await world.run(0.5)

        world.kube.objects[NAMESPACE, "z"] = older  # Another page of the list.
        assert world.engine is not None
        world.engine.router.observe(None, older)
        await world.run(5)

        assert world.ready("z") == ("True", "Verified")
        assert world.ready("a") == ("False", "Conflict")
        assert "applied" not in world.status("a")
        assert world.kube.writes["patch_status"] - writes == 2


@played
async def test_of_two_claimants_both_are_known_before_the_first_pass_of_a_process() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("z", instanceID="pgm-a")
        await world.run(2)
        world.declare("a")
        await world.run(300)
        writes = world.kube.writes["patch_status"]

        await world.restart()
        await world.run(1000)

        assert world.kube.writes["patch_status"] == writes


@played
async def test_the_end_of_an_earlier_object_of_that_name_is_not_the_end_of_this_one() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)
        earlier = world.kube.objects[NAMESPACE, "a"]
        world.kube.delete((NAMESPACE, "a"))
        world.declare("a")
        await world.run(0.5)
        assert world.engine is not None

        world.engine.router.gone((NAMESPACE, "a"), uid=earlier["metadata"]["uid"])
        world.engine.router.observe("DELETED", earlier)
        world.meddle("a", enabled=False)
        await world.run(700)

        assert world.conditions("a")["ChangePending"] == ("True", "Drifted")


@played
async def test_the_objects_of_a_shared_secret_have_their_turns_in_order() -> None:
    """In the order of a set, no two processes would do the same, and no story could be repeated."""
    async with EngineWorld() as world:
        for name in "hgfedcba":
            world.add_instance(name)
            world.declare(name, serverCertificate={"secretRef": {"name": "shared"}})
        await world.run(10)

        assert world.engine is not None
        users = world.engine.objects.users(("Secret", NAMESPACE, "shared"))

        assert users == [(NAMESPACE, name) for name in "abcdefgh"]


@played
async def test_what_is_watched_is_what_objects_refer_to() -> None:
    async with EngineWorld() as world:
        for name in "ab":
            world.add_instance(name)
        world.declare("a", serverCertificate={"secretRef": {"name": "a-tls"}})
        world.declare("b", serverCertificate={"secretRef": {"name": "shared"}})
        await world.run(5)
        assert world.engine is not None
        wanted = world.engine.watch.wanted
        own, shared = ("Secret", NAMESPACE, "a-tls"), ("Secret", NAMESPACE, "shared")
        key = ("Secret", NAMESPACE, CREDENTIALS)
        assert wanted == {own, shared, key}

        world.kube.edit((NAMESPACE, "a"), serverCertificate={"secretRef": {"name": "other"}})
        await world.run(5)
        assert wanted == {("Secret", NAMESPACE, "other"), shared, key}

        world.kube.edit((NAMESPACE, "a"), serverCertificate={"secretRef": {"name": "shared"}})
        await world.run(5)
        assert wanted == {shared, key}

        world.kube.delete((NAMESPACE, "b"))
        await world.run(5)
        assert wanted == {shared, key}

        world.kube.delete((NAMESPACE, "a"))
        await world.run(5)
        assert wanted == set()


@played
async def test_what_an_object_of_the_same_name_refers_to_is_watched_in_place_of_the_earlier() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", serverCertificate={"secretRef": {"name": "first"}})
        await world.run(5)
        assert world.engine is not None
        world.kube.hidden.add((NAMESPACE, "a"))  # Its end is not shown.
        world.kube.delete((NAMESPACE, "a"))
        world.kube.hidden.clear()

        world.declare("a", serverCertificate={"secretRef": {"name": "second"}})
        await world.run(5)

        assert world.engine.watch.wanted == {
            ("Secret", NAMESPACE, "second"),
            ("Secret", NAMESPACE, CREDENTIALS),
        }
