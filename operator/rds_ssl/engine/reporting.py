"""From a verdict to the status and the Events of an object: one PATCH, if something changed."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rds_ssl.core.api.conditions import MATERIAL_READY, STALLED, Verdict, compose
from rds_ssl.core.api.status import OperationStatus, Status
from rds_ssl.core.errors import KubeConflict, KubeError, KubeNotFound, KubeRefused
from rds_ssl.core.formats import escaped, write_time
from rds_ssl.core.model import UNFINISHED
from rds_ssl.engine.objects import Objects, Resource
from rds_ssl.kube.resources import Resources

_log = logging.getLogger(__name__)

_EVENT_DEADLINE = 2.0
_RETRIES = 3

_WARNED = "MaterialWarning"

_REMEMBERED_EVENTS = 1000
"""What is told again is counted up on the Event that told it: by name and count, 400 bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is told once; *message* may hold what a condition may not: request ids, API texts."""

    reason: str
    message: str
    warning: bool = False


def merge_patch(old: object, new: object) -> dict[str, Any]:
    """
    Return the merge patch (RFC 7386) that turns *old* into *new*; empty if they are equal.

    Lists are replaced as a whole, and null takes away what is not in *new* any more.
    """
    before = old if isinstance(old, Mapping) else {}
    after = new if isinstance(new, Mapping) else {}
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if isinstance(value, Mapping) and isinstance(before.get(name), Mapping):
            inner = merge_patch(before[name], value)
            if inner:
                patch[name] = inner
        elif name not in before or before[name] != value:
            patch[name] = value
    return patch


def _goes_on(operation: OperationStatus, recorded: OperationStatus | None) -> bool:
    """True if *recorded* is the same operation, and nobody has seen its end yet."""
    return (
        recorded is not None
        and recorded.phase in UNFINISHED
        and recorded.start_time == operation.start_time
        and recorded.digest == operation.digest
        and recorded.attempt == operation.attempt
    )


class Reporter:
    """Writes status and Events of objects; keeps the cache in step with what it wrote."""

    def __init__(self, resources: Resources, objects: Objects, now: Callable[[], datetime]) -> None:
        self._resources = resources
        self._objects = objects
        self._now = now
        self._posting: set[asyncio.Task[None]] = set()
        self._posted: OrderedDict[tuple[str, Event], tuple[str, int]] = OrderedDict()
        """By uid and Event, the name it got and how often it was told; the last told at the end."""

    async def write(
        self,
        resource: Resource,
        status: Status,
        verdict: Verdict | None,
        *,
        answers: bool = True,
    ) -> Resource:
        """
        Bring the object's status to *status* with the conditions of *verdict*.

        Without a verdict the conditions stay as they are. *answers* echoes a reconcile-now.

        Raises:
            KubeConflict: The object has changed since *resource* was read.
        """
        update: dict[str, Any] = {"observed_generation": resource.generation}
        if answers and resource.asked is not None:
            update["last_handled_reconcile_at"] = resource.asked
        if verdict is not None:
            update["conditions"] = compose(
                resource.status.conditions,
                verdict,
                generation=resource.generation,
                now=self._now(),
            )
        return await self._patch(resource, status.model_copy(update=update))

    async def _patch(self, resource: Resource, status: Status) -> Resource:
        patch = merge_patch(resource.raw_status, status.to_json())
        if resource.operation_lost:
            # What cannot be read must not be taken away: it may stand for a call under way.
            patch.pop("operation", None)
        if not patch:
            return resource
        manifest = await self._resources.patch_status(
            *resource.key, resource_version=resource.resource_version, status=patch
        )
        written = Resource.of(manifest, resource)
        self._objects.refresh(written)
        return written

    async def record(self, resource: Resource, operation: OperationStatus) -> Resource:
        """
        Write the record of an operation, and nothing else: a label edit must not lose it.

        The record of *resource* has to be the same operation's. If another one is found to have
        taken its place, or none, another process has ended it, perhaps long ago: then it stays so.

        Raises:
            KubeConflict: Still, after a few attempts; or the operation is not under way any more.
            KubeNotFound: The object is gone, or another one now.
        """
        for attempt in range(_RETRIES):
            after = operation.model_dump(mode="json", by_alias=True, exclude_none=True)
            patch = merge_patch(resource.raw_status.get("operation"), after)
            try:
                manifest = await self._resources.patch_status(
                    *resource.key,
                    resource_version=resource.resource_version,
                    status={"operation": patch},
                )
            except KubeConflict:
                if attempt == _RETRIES - 1:
                    raise
                resource = await self.reread(resource)
                if not _goes_on(operation, resource.status.operation):
                    raise
                continue
            written = Resource.of(manifest, resource)
            self._objects.refresh(written)
            return written
        raise AssertionError("unreachable")

    async def reread(self, resource: Resource) -> Resource:
        """
        Read an object whose version is older than the API server's.

        Raises:
            KubeNotFound: It is gone, or another one now.
        """
        fresh = Resource.of(await self._resources.get(*resource.key))
        if fresh.uid != resource.uid:
            raise KubeNotFound(f"{'/'.join(resource.key)} is another object now", status=404)
        self._objects.refresh(fresh)
        return fresh

    def announce(self, resource: Resource, event: Event) -> asyncio.Task[None]:
        """Post an Event in the background; a failure is logged and changes nothing."""
        self._log(resource, event)
        task = asyncio.get_running_loop().create_task(self._post(resource, event))
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)
        return task

    async def announce_first(self, resource: Resource, event: Event) -> None:
        """Post an Event, and come back once it is there, or has failed."""
        await asyncio.wait({self.announce(resource, event)})

    @staticmethod
    def _log(resource: Resource, event: Event) -> None:
        _log.log(
            logging.WARNING if event.warning else logging.INFO,
            "%s: %s",
            event.reason,
            event.message,
            extra=resource.log_fields,
        )

    def announce_problem(
        self, resource: Resource, verdict: Verdict, *, announced: tuple[str, str] | None
    ) -> tuple[str, str] | None:
        """
        Post a Warning when the object becomes Stalled, or Stalled for another reason.

        Args:
            resource: As it was before the verdict.
            announced: The reason and message of the last such Event, as this process knows.

        Returns:
            What is to be given as *announced* the next time.
        """
        stalled = verdict.stalled
        if stalled is None:
            return None
        told = (stalled.reason.value, stalled.message)
        before = resource.status.condition(STALLED)
        known = before is not None and (before.reason, before.message) == told
        if announced != told and not known:
            self.announce(resource, Event(reason=told[0], message=stalled.message, warning=True))
        return told

    def announce_warnings(
        self, resource: Resource, verdict: Verdict, warnings: tuple[str, ...]
    ) -> None:
        """Post the warnings about material that *resource*, as it was, does not show yet."""
        if verdict.material is None or not verdict.material_ready:
            return
        before = resource.status.condition(MATERIAL_READY)
        known = before.message if before is not None and before.status == "True" else ""
        new = [each for each in warnings if each not in known]
        if new:
            self.announce(resource, Event(reason=_WARNED, message=" ".join(new), warning=True))

    async def _post(self, resource: Resource, event: Event) -> None:
        try:
            async with asyncio.timeout(_EVENT_DEADLINE):
                if not await self._count_up(resource, event):
                    name = await self._resources.create_event(
                        {"metadata": resource.metadata},
                        reason=event.reason,
                        message=escaped(event.message),
                        warning=event.warning,
                        time=write_time(self._now()),
                    )
                    self._remember(resource, event, name, 1)
        except (KubeError, TimeoutError) as error:
            _log.warning("Event %s was not posted: %s", event.reason, error)

    async def _count_up(self, resource: Resource, event: Event) -> bool:
        """Count up the Event that has told this of the object before; False if there is none."""
        name, count = self._posted.pop((resource.uid, event), ("", 0))
        if not name:
            return False
        try:
            await self._resources.count_event(
                resource.key[0], name, count=count + 1, time=write_time(self._now())
            )
        except (KubeNotFound, KubeRefused):
            return False  # It has gone, or a role of an older release is in use.
        self._remember(resource, event, name, count + 1)
        return True

    def _remember(self, resource: Resource, event: Event, name: str, count: int) -> None:
        self._posted[resource.uid, event] = (name, count)
        if len(self._posted) > _REMEMBERED_EVENTS:
            self._posted.popitem(last=False)

    async def drain(self) -> None:
        """Wait for the Events under way."""
        if self._posting:
            await asyncio.wait(self._posting, timeout=_EVENT_DEADLINE)
