"""Events: told once, then counted up."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rds_ssl.core.errors import KubeError, KubeNotFound, KubeRefused
from rds_ssl.engine import reporting
from rds_ssl.engine.objects import Objects, Resource
from rds_ssl.engine.reporting import Event, Reporter
from support.engine_world import EngineWorld, played
from support.kube_memory import MemoryResources
from support.states import NOW

STALLED = Event(reason="Forbidden", message="Give it the right.", warning=True)


class Events(MemoryResources):
    """What was asked for, and the answers to it."""

    def __init__(self, failure: KubeError | None = None) -> None:
        self.asked: list[tuple[str, object]] = []
        self._failure = failure

    async def create_event(self, involved: object, **event: object) -> str:
        del involved
        self.asked.append(("create", event["message"]))
        return f"orders.{len(self.asked)}"

    async def count_event(self, namespace: str, name: str, *, count: int, time: str) -> None:
        del namespace, time
        self.asked.append(("count", (name, count)))
        if self._failure is not None:
            raise self._failure


def resource(uid: str = "1") -> Resource:
    meta = {"namespace": "shop", "name": "orders", "uid": uid, "resourceVersion": "1"}
    return Resource.of({"metadata": {**meta, "creationTimestamp": "2026-11-24T01:00:00Z"}})


def told(
    announce: Callable[[Reporter], Coroutine[Any, Any, None]], failure: KubeError | None = None
) -> list[tuple[str, object]]:
    events = Events(failure)
    asyncio.run(announce(Reporter(events, Objects(), lambda: NOW)))
    return events.asked


def test_what_is_told_again_is_counted_up() -> None:
    async def announce(reporter: Reporter) -> None:
        for _ in range(3):
            await reporter.announce(resource(), STALLED)

    assert told(announce) == [
        ("create", "Give it the right."),
        ("count", ("orders.1", 2)),
        ("count", ("orders.1", 3)),
    ]


@pytest.mark.parametrize(
    ("other", "event"),
    [
        pytest.param("2", STALLED, id="of another object of that name"),
        pytest.param("1", Event(reason="Forbidden", message="Else.", warning=True), id="words"),
        pytest.param("1", Event(reason="Forbidden", message="Give it the right."), id="type"),
        pytest.param("1", Event(reason="X", message="Give it the right.", warning=True), id="why"),
    ],
)
def test_what_differs_is_an_event_of_its_own(other: str, event: Event) -> None:
    async def announce(reporter: Reporter) -> None:
        await reporter.announce(resource(), STALLED)
        await reporter.announce(resource(other), event)

    assert [kind for kind, _ in told(announce)] == ["create", "create"]


@pytest.mark.parametrize(
    "failure", [KubeNotFound("gone", status=404), KubeRefused("an older role", status=403)]
)
def test_an_event_that_cannot_be_counted_up_is_made_anew(failure: KubeError) -> None:
    async def announce(reporter: Reporter) -> None:
        await reporter.announce(resource(), STALLED)
        await reporter.announce(resource(), STALLED)

    assert [kind for kind, _ in told(announce, failure)] == ["create", "count", "create"]


def test_what_is_remembered_of_events_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_REMEMBERED_EVENTS", 2)

    async def announce(reporter: Reporter) -> None:
        for uid in ("1", "2", "1", "3", "1", "2"):
            await reporter.announce(resource(uid), STALLED)

    # The second was the one not told for longest when the third came.
    assert [kind for kind, _ in told(announce)] == [
        "create",
        "create",
        "count",
        "create",
        "count",
        "create",
    ]


@played
async def test_an_object_that_stalls_again_for_the_same_reason_has_one_event() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", connectionString="elsewhere.pg.rds.aliyuncs.com")
        await world.run(60)
        for host in (world.host("a"), "elsewhere.pg.rds.aliyuncs.com"):
            world.edit("a", connectionString=host)
            await world.run(60)

        stalled = [each for each in world.kube.events if each["reason"] == "EndpointNotFound"]

    assert [each.get("count") for each in stalled] == [2]
