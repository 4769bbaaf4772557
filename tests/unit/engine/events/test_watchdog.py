"""What comes of an object that kopf's watch does not show, and when kopf is started again."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from rds_ssl.core.errors import KubeNotFound, KubeUnavailable
from rds_ssl.engine.events.watchdog import BEHIND, GHOST, STALE, Watchdog
from support.engine_world import NAMESPACE, EngineWorld, Json, played
from support.kube_answers import AnsweringKube, event, listed

KEY = (NAMESPACE, "a")


class Feed(list[bytes | float | Exception]):
    """A watch that brings what is put into it, a moment later."""

    def __iter__(self) -> Iterator[bytes | float | Exception]:
        while True:
            yield self.pop(0) if self else 0.1


class Watched:
    """The watchdog of a world whose own watch shows nothing any more, and what it has read."""

    def __init__(self, world: EngineWorld) -> None:
        assert world.engine is not None
        self._world = world
        self._feed = Feed()
        self.read: list[float] = []
        """When something was read."""
        self.failures: list[Exception] = []
        """What reading comes to at first."""
        self.dog = Watchdog(world.engine.objects, world.engine.router, self._read, "")
        kube = AnsweringKube(lambda _: listed(9, *world.kube.objects.values()))
        kube.watches.extend([self._feed] * 1000)
        self.dog.watch(kube, "/apis/rds")

    def show(self, kind: str, manifest: Json) -> None:
        """Let the watchdog's own watch bring an event."""
        self._feed.append(event(kind, manifest))

    async def _read(self, namespace: str, name: str) -> Mapping[str, Any]:
        self.read.append(self._world.monotonic())
        if self.failures:
            raise self.failures.pop(0)
        found = self._world.kube.objects.get((namespace, name))
        if found is None:
            raise KubeNotFound("gone", status=404)
        return found


@asynccontextmanager
async def watched() -> AsyncIterator[tuple[EngineWorld, Watched]]:
    """Give a world with an object that is Ready and that nothing is shown of any more."""
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        world.kube.hidden.add(KEY)
        seen = Watched(world)
        task = asyncio.create_task(seen.dog.watches[0].run())
        await world.run(BEHIND + 1)
        try:
            yield world, seen
        finally:
            seen.dog.close()
            task.cancel()


def edit(world: EngineWorld, seen: Watched) -> Json:
    """Edit the object; the watchdog's own watch shows it."""
    world.edit("a", driftPolicy="Correct")
    manifest = world.kube.objects[KEY]
    seen.show("MODIFIED", manifest)
    return manifest


@played
async def test_an_edit_that_kopf_does_not_show_is_read_after_ten_seconds_and_acted_on() -> None:
    async with watched() as (world, seen):
        assert not seen.read
        edit(world, seen)
        edited = world.monotonic()
        await world.run(BEHIND + 5)

        assert world.status("a")["observedGeneration"] == 2
        assert [round(each - edited) for each in seen.read] == [BEHIND]


@played
async def test_what_kopf_shows_in_time_is_not_read() -> None:
    async with watched() as (world, seen):
        world.kube.hidden.clear()
        for number in range(20):
            world.kube.label(KEY, number=str(number))
            seen.show("MODIFIED", world.kube.objects[KEY])
            await world.run(3)
        await world.run(2 * STALE)

        assert not seen.read
        assert not seen.dog.stale.is_set()


@played
async def test_an_object_that_changes_all_the_time_is_read_all_the_same() -> None:
    async with watched() as (world, seen):
        edit(world, seen)
        for number in range(15):
            world.kube.label(KEY, number=str(number))
            seen.show("MODIFIED", world.kube.objects[KEY])
            await world.run(1)

        assert world.status("a")["observedGeneration"] == 2


@played
async def test_what_changed_after_it_was_read_is_read_again() -> None:
    async with watched() as (world, seen):
        edit(world, seen)
        await world.run(BEHIND + 5)
        world.edit("a", driftPolicy="Alert")
        seen.show("MODIFIED", world.kube.objects[KEY])
        await world.run(BEHIND + 5)

        assert world.status("a")["observedGeneration"] == 3


@played
async def test_a_read_that_fails_is_made_again() -> None:
    async with watched() as (world, seen):
        seen.failures += [KubeUnavailable("no answer")] * 3
        edit(world, seen)
        await world.run(BEHIND + 10)

        assert world.status("a")["observedGeneration"] == 2
        assert len(seen.read) == 4


@played
async def test_kopf_is_found_stale_a_minute_after_it_was_read_for_unless_it_has_caught_up() -> None:
    for shows in (False, True):
        async with watched() as (world, seen):
            manifest = edit(world, seen)
            await world.run(BEHIND + STALE / 2)
            if shows:
                seen.dog.observe("MODIFIED", manifest)
            await world.run(STALE)

            assert seen.dog.stale.is_set() is not shows


@played
async def test_what_kopf_has_shown_of_a_later_version_or_object_is_enough() -> None:
    async with watched() as (world, seen):
        edit(world, seen)
        await world.run(BEHIND + 1)
        world.kube.delete(KEY)
        world.declare("a")
        seen.dog.observe("ADDED", world.kube.objects[KEY])
        await world.run(2 * STALE)

        assert not seen.dog.stale.is_set()


@played
async def test_what_was_behind_before_kopf_was_started_again_says_nothing_of_it_now() -> None:
    async with watched() as (world, seen):
        edit(world, seen)
        await world.run(BEHIND + STALE + 1)
        assert seen.dog.stale.is_set()
        seen.dog.restarted()
        await world.run(2 * STALE)

        assert not seen.dog.stale.is_set()


@played
async def test_an_object_that_is_gone_is_forgotten_without_kopfs_word() -> None:
    async with watched() as (world, seen):
        assert world.engine is not None
        manifest = edit(world, seen)
        await world.run(1)
        world.kube.delete(KEY)
        seen.show("DELETED", manifest)
        await world.run(GHOST + 1)

        assert world.engine.objects.version(KEY) is None
        await world.run(2 * STALE)
        assert not seen.dog.stale.is_set()


@played
async def test_an_older_version_that_kopf_shows_after_a_later_one_was_read_is_no_news() -> None:
    async with watched() as (world, seen):
        before = world.kube.objects[KEY]
        edit(world, seen)
        await world.run(BEHIND + 5)
        passes = len(world.passes)

        seen.dog.observe("MODIFIED", before)
        await world.run(1)

        assert len(world.passes) == passes


@played
async def test_a_live_object_is_not_buried_for_its_predecessor() -> None:
    async with watched() as (world, seen):
        earlier = world.kube.objects[KEY]
        world.kube.hidden.clear()
        world.kube.delete(KEY)
        seen.show("DELETED", earlier)  # And then its watch hangs.
        await world.run(1)
        world.declare("a")
        await world.run(1)
        assert world.engine is not None
        assert world.engine.objects.version(KEY) is not None

        await world.run(GHOST)

        assert world.engine.objects.version(KEY) is not None
