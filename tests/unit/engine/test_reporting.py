"""Events: told once, then counted up."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

import pytest

from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.errors import KubeConflict, KubeError, KubeNotFound, KubeRefused
from rds_ssl.core.model import Phase
from rds_ssl.engine import reporting
from rds_ssl.engine.objects import Objects, Resource
from rds_ssl.engine.reporting import Event, Reporter
from support.engine_world import EngineWorld, played
from support.kube_memory import MemoryResources, merged
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


class Changed(MemoryResources):
    """An object that has another status by now, and the status patches that were accepted."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._status = status
        self.patched: list[Mapping[str, object]] = []

    async def get(self, namespace: str, name: str) -> dict[str, Any]:
        del namespace, name
        return manifest("2", self._status)

    async def patch_status(
        self, namespace: str, name: str, *, resource_version: str, status: Mapping[str, object]
    ) -> dict[str, Any]:
        del namespace, name
        if resource_version != "2":
            raise KubeConflict("the object has been modified", status=409)
        self.patched.append(status)
        return manifest("3", merged(self._status, status))


def manifest(version: str, status: Mapping[str, Any]) -> dict[str, Any]:
    meta = {"namespace": "shop", "name": "orders", "uid": "1", "resourceVersion": version}
    return {"metadata": {**meta, "creationTimestamp": "2026-11-24T01:00:00Z"}, "status": status}


SENT = OperationStatus(
    digest="a", phase=Phase.SENDING, start_time=NOW, attempt=1, inputs_digest="b"
)

ACCEPTED = SENT.model_copy(update={"phase": Phase.ACCEPTED, "request_id": "R"})


def stored(operation: OperationStatus | None) -> dict[str, Any]:
    if operation is None:
        return {}
    return {"operation": operation.model_dump(mode="json", by_alias=True, exclude_none=True)}


def recorded(there: OperationStatus | None) -> list[Mapping[str, object]]:
    """Record an acceptance where *there* has taken the place of what was sent."""
    resources = Changed(stored(there))
    resource = Resource.of(manifest("1", stored(SENT)))

    async def record() -> None:
        await Reporter(resources, Objects(), lambda: NOW).record(resource, ACCEPTED)

    try:
        asyncio.run(record())
    except KubeConflict:
        assert not resources.patched
    return resources.patched


@pytest.mark.parametrize("phase", [Phase.SENDING, Phase.ACCEPTED])
def test_a_label_edit_meanwhile_does_not_lose_the_acceptance(phase: Phase) -> None:
    assert recorded(SENT.model_copy(update={"phase": phase}))


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(None, id="none"),
        pytest.param(SENT.model_copy(update={"phase": Phase.FAILED}), id="failed"),
        pytest.param(SENT.model_copy(update={"phase": Phase.TIMED_OUT}), id="timed out"),
        pytest.param(
            SENT.model_copy(update={"start_time": NOW + timedelta(seconds=1)}), id="a later one"
        ),
        pytest.param(SENT.model_copy(update={"digest": "z"}), id="of that second, to elsewhere"),
        pytest.param(SENT.model_copy(update={"attempt": 2}), id="of that second, once more"),
    ],
)
def test_an_acceptance_is_not_written_over_what_another_process_has_recorded_since(
    there: OperationStatus | None,
) -> None:
    assert not recorded(there)


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
