"""What happens to the queue when the cluster changes. No I/O: it runs inside the watch."""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any

from rds_ssl.core.api.conditions import READY, RECONCILING, STALLED
from rds_ssl.core.model import Priority
from rds_ssl.engine.gather.clouds import Clouds
from rds_ssl.engine.gather.materials import Materials
from rds_ssl.engine.objects import (
    Key,
    Objects,
    Referenced,
    Resource,
    namespace_of,
    number_of,
)
from rds_ssl.engine.proofs import Proofs
from rds_ssl.engine.reconcile.reconciler import Reconciler
from rds_ssl.engine.scheduling.budget import Budget
from rds_ssl.engine.scheduling.outages import Outages
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from rds_ssl.engine.strangers import Strangers
from rds_ssl.kube.data_watch import DataWatch
from rds_ssl.kube.resources import Kind

_RECENT = 300.0
"""
Seconds. Of a change that is as old the process that led before has said what it came to, or is
about to: an object at rest is not one that waits for anything.
"""

_TAKEN_AT_ONCE = 20
"""Objects that are taken over before the loop gets its turn: 0.2 ms each."""


class EventRouter:
    """Takes in what the watches show; decides which objects get a pass, and how soon."""

    def __init__(
        self,
        *,
        objects: Objects,
        queue: WorkQueue[Key],
        reconciler: Reconciler,
        budget: Budget,
        proofs: Proofs,
        strangers: Strangers,
        outages: Outages,
        materials: Materials,
        clouds: Clouds,
        data: DataWatch,
        owns: Callable[[str], bool] = lambda _instance_id: True,
        leads: bool = True,
    ) -> None:
        """
        Make it.

        Args:
            owns: Tells by its instance's ID whether an object is served here, or by another shard.
            leads: As `take_over`, from the beginning.
        """
        self._owns = owns
        self._leads = leads
        self._noted: dict[Key, float] = {}
        """Loop time of the last change of each object's inputs, while another process leads."""
        self._objects = objects
        self._queue = queue
        self._reconciler = reconciler
        self._budget = budget
        self._proofs = proofs
        self._strangers = strangers
        self._outages = outages
        self._materials = materials
        self._clouds = clouds
        self._data = data

    def observe(self, kind: str | None, manifest: Mapping[str, Any]) -> None:
        """Take in an event of the object watch; *kind* None is a listed object."""
        meta = manifest["metadata"]
        key = meta["namespace"], meta["name"]
        if kind == "DELETED":
            self.gone(key, uid=meta["uid"])
            return
        if self._objects.version(key) == (meta["uid"], meta["resourceVersion"]):
            return  # The echo of an own PATCH, or what a list has shown before.
        if self._objects.outlived(key, meta["resourceVersion"]):
            return
        if not self._owns(str((manifest.get("spec") or {}).get("instanceID", ""))):
            self._pass_over(key, (meta["uid"], meta["resourceVersion"]))
            return
        before = self._objects.at_rest(key)
        resource = Resource.of(manifest, before)
        if before is None or before.uid != resource.uid:
            gone = self._objects.drop(key)
            self._objects.put(resource)
            self._want(resource)
            if gone is not None:
                self._clean(gone)
            self._begin(resource, priority=_priority(resource))
            self._wake_rivals(resource)
            return
        self._objects.put(resource)
        if before.generation != resource.generation:
            self._want(resource)
            self._forget_unused(before)
        if before.inputs != resource.inputs:
            self._changed(resource.key)
            self._wake_rivals(resource)

    def data_changed(self, kind: Kind, name: tuple[str, str]) -> None:
        """Take in that a Secret or ConfigMap appeared, changed or went."""
        users = self._objects.users((kind, *name))
        if not users:
            self._forget(kind, name)
        for key in users:
            if self._leads or self._is_newer_material((kind, *name), key):
                self._changed(key)

    async def take_over(self, now: float, *, spread: Callable[[], float] | None = None) -> None:
        """
        Begin to let objects have passes; until then they were only known.

        Args:
            now: The loop's time.
            spread: Gives the seconds in which an object at rest gets its first pass: another
                process has looked at it until now, and the cloud need not be asked for all of them
                at once. None: at once.

        Not at rest is what has changed of late, and what refers to something that is newer than
        its own last version: it may have changed before this process was there, unseen.
        """
        self._leads = True
        noted, self._noted = self._noted, {}
        for number, key in enumerate(sorted(self._objects.keys())):
            if number % _TAKEN_AT_ONCE == 0:
                await asyncio.sleep(0)
            resource = self._objects.get(key)
            if resource is None:
                continue
            priority = _priority(resource)
            recent = now - noted.get(key, -math.inf) < _RECENT
            if recent or self._refers_to_newer(resource):
                priority = min(priority, Priority.CHANGE)
            if spread is not None and priority is Priority.RESYNC:
                self._queue.add_after(key, spread(), priority=priority)
            else:
                self._begin(resource, priority=priority)

    def _refers_to_newer(self, resource: Resource) -> bool:
        """
        True if material that an object refers to was written after the object was.

        The API server counts the versions of all kinds in one sequence, unless they are in several
        etcds; then this is chance, and a look too early or in its turn.
        """
        return any(
            self._data.version(reference[0], reference[1:]) is not None
            and self._is_newer_material(reference, resource.key)
            for reference in resource.referenced()
        )

    def _is_newer_material(self, reference: Referenced, key: Key) -> bool:
        """
        True if *reference* is material of an object, and newer than it, or gone.

        Not if it is the credentials alone: with newer ones nothing is different.
        """
        kind, namespace, name = reference
        known = self._objects.at_rest(key)
        if known is None or known.declaration is None:
            return False
        named = {(each.kind, each.name) for each in known.declaration.material_references}
        version = self._data.version(kind, (namespace, name))
        newer = version is None or number_of(version[1]) > number_of(known.resource_version)
        return (kind, name) in named and newer

    def _begin(self, resource: Resource, *, priority: Priority) -> None:
        """Let an object have its first pass in this process."""
        if not self._leads:
            return
        if resource.in_flight:
            self._budget.inherit(resource)
        self._queue.add(resource.key, priority=priority)

    def _changed(self, key: Key) -> None:
        """Let an object have a pass whose inputs have changed."""
        if not self._leads:
            self._noted[key] = asyncio.get_running_loop().time()
            return
        self._queue.forget(key)  # A change also cuts a long back-off short.
        self._queue.add(key)

    def gone(self, key: Key, *, uid: str) -> None:
        """Forget an object that does not exist any more; one of another *uid* is another one."""
        known = self._objects.version(key)
        if known is not None and known[0] != uid:
            return
        self._leave(key, self._objects.drop(key))

    def _pass_over(self, key: Key, version: tuple[str, str]) -> None:
        """Forget of an object all but its version: another shard serves it."""
        self._leave(key, self._objects.pass_over(key, version))

    def _leave(self, key: Key, gone: Resource | None) -> None:
        """Let go of what was served here until now."""
        self._noted.pop(key, None)
        self._queue.drop(key)
        if gone is not None:
            self._clean(gone)
            self._wake_rivals(gone)

    def _clean(self, resource: Resource) -> None:
        self._reconciler.forget(resource)
        self._budget.release(resource.key)
        self._proofs.forget(resource.key)
        self._strangers.forget(resource.key)
        self._outages.gone(resource.key)
        self._clouds.gone(resource.key)
        self._forget_unused(resource)

    def _forget_unused(self, before: Resource) -> None:
        """Drop what is kept of what an object referred to, where no object does any more."""
        for reference in before.referenced():
            if not self._objects.users(reference):
                kind, namespace, name = reference
                self._forget(kind, (namespace, name))
                self._data.unwant(reference)

    def _want(self, resource: Resource) -> None:
        for reference in resource.referenced():
            self._data.want(reference)

    def _forget(self, kind: Kind, name: tuple[str, str]) -> None:
        self._materials.forget(kind, name)
        if kind == "Secret":
            self._clouds.forget(name)

    def _wake_rivals(self, resource: Resource) -> None:
        """
        Let the others that name an instance look who counts now.

        In another namespace they look at the cloud only if it is somebody else: to name an instance
        takes no right to it, and would cost its owner a call each time.
        """
        if not self._leads:
            return
        for key in self._objects.named_beside(resource):
            if namespace_of(key) == namespace_of(resource.key):
                self._reconciler.force(key)
            self._queue.add(key)


def _priority(resource: Resource) -> Priority:
    """Return how soon an object is looked at that this process has not seen before."""
    if resource.in_flight:
        return Priority.IN_FLIGHT
    status = resource.status
    ready = status.condition(READY)
    at_rest = (
        not resource.deleting
        and resource.asked is None
        and ready is not None
        and ready.status == "True"
        and status.observed_generation == resource.generation
        and status.plan is None
        # What is in force may be well while newer material waits for an answer of the cloud.
        and status.condition(RECONCILING) is None
        and status.condition(STALLED) is None
    )
    return Priority.RESYNC if at_rest else Priority.FIRST_LOOK
