"""
An API server in memory, as far as the engine asks one: `rds_ssl.kube.resources.Resources`.

It keeps what the real one keeps (uid, generation, resourceVersion, deletion by finalizers, merge
patches under a resourceVersion, no new version for a PATCH that changes nothing), and shows its
changes to the watch of each process, in order and a moment later.
"""

import asyncio
import functools
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from rds_ssl.core.errors import KubeConflict, KubeNotFound, KubeRefused
from rds_ssl.core.formats import write_time
from rds_ssl.core.model import FINALIZER
from rds_ssl.engine.objects import Key
from rds_ssl.kube.data_watch import OnChange, Reference
from rds_ssl.kube.resources import DataObject, Kind, Resources
from support.line import Connection

Json = dict[str, Any]

WATCH_SECONDS = 0.004
"""Until a change is shown."""


def merged(value: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """Apply a merge patch (RFC 7386); neither argument is changed."""
    result = dict(value)
    for name, part in patch.items():
        if part is None:
            result.pop(name, None)
        elif isinstance(part, Mapping):
            below = result.get(name)
            result[name] = merged(below if isinstance(below, Mapping) else {}, part)
        else:
            result[name] = part
    return result


class KubeMemory:
    """The cluster: it outlives every process. Manifests are replaced, never changed in place."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._versions = 100
        self._uids = 0
        self.objects: dict[Key, Json] = {}
        self.data: dict[tuple[Kind, Key], DataObject] = {}
        self.events: list[Json] = []
        """reason, message, type and name of each Event."""
        self.written: list[str] = []
        """Everything that was written by a process, as JSON."""
        self.writes: Counter[str] = Counter()
        self.hidden: set[Key] = set()
        """Objects that the watch does not show: of another label, or the watch is broken."""
        self.forbidden: set[tuple[Kind, Key]] = set()
        """Secrets and ConfigMaps that no Role of the operator names."""
        self.terminating: set[str] = set()
        """Namespaces that are being deleted."""
        self.watches: list[Watch] = []
        """Of the processes that live."""

    # -- what people do -----------------------------------------------------------------------

    def create(self, key: Key, spec: Mapping[str, Any], **metadata: object) -> Json:
        """Create an object; *metadata* beyond what the server sets."""
        if key in self.objects:
            raise ValueError(f"{key} exists")
        self.admit(key[0])
        manifest = {
            "metadata": {
                "namespace": key[0],
                "name": key[1],
                "uid": self._uid(),
                "generation": 1,
                "creationTimestamp": write_time(self._now()),
                **metadata,
            },
            "spec": _json(spec),
            "status": {"observedGeneration": -1},
        }
        return self._store(key, manifest, "ADDED")

    def edit(self, key: Key, **spec: object) -> Json:
        """Change fields of the spec; None takes one away."""
        known = self.objects[key]
        return self._replace(key, spec=merged(known["spec"], _json(spec)))

    def annotate(self, key: Key, **annotations: str | None) -> Json:
        """Set ``rds-ssl.dev/`` annotations, with ``_`` for ``-``; None takes one away."""
        full = {f"rds-ssl.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
        known = self.objects[key]["metadata"]
        return self._replace(key, annotations=merged(known.get("annotations", {}), full))

    def label(self, key: Key, **labels: str) -> Json:
        """Set labels: a new resourceVersion that means nothing to the operator."""
        known = self.objects[key]["metadata"]
        return self._replace(key, labels=merged(known.get("labels", {}), labels))

    def put_status(self, key: Key, status: Mapping[str, Any]) -> Json:
        """Merge into the status with a foreign hand."""
        return self._replace(key, status=merged(self.objects[key]["status"], _json(status)))

    def put_finalizer(self, key: Key, finalizer: str) -> Json:
        """Add a finalizer with a foreign hand."""
        known = self.objects[key]["metadata"].get("finalizers", [])
        return self._replace(key, finalizers=[*known, finalizer])

    def delete(self, key: Key) -> None:
        """Delete an object; it lingers while it has finalizers."""
        known = self.objects[key]
        if not known["metadata"].get("finalizers"):
            self._remove(key)
        elif "deletionTimestamp" not in known["metadata"]:
            self._replace(key, deletionTimestamp=write_time(self._now()))

    def put_data(self, kind: Kind, key: Key, data: Mapping[str, bytes]) -> None:
        """Write a Secret or ConfigMap: a new version, whether or not its content is another."""
        known = self.data.get((kind, key))
        self.data[kind, key] = DataObject(
            uid=known.uid if known else self._uid(),
            resource_version=self._version(),
            data=dict(data),
        )
        self._show_data(kind, key)

    def delete_data(self, kind: Kind, key: Key) -> None:
        """Delete a Secret or ConfigMap."""
        if self.data.pop((kind, key), None) is not None:
            self._show_data(kind, key)

    def delete_namespace(self, namespace: str, *, secrets_first: bool = True) -> None:
        """
        Delete a namespace: no creation any more, and its contents go in one order or the other.

        The real one deletes kind after kind, in no order that is promised.
        """
        self.terminating.add(namespace)
        kinds = [self._delete_data_of, self._delete_objects_of]
        for delete in kinds if secrets_first else reversed(kinds):
            delete(namespace)

    def _delete_data_of(self, namespace: str) -> None:
        for kind, key in [each for each in self.data if each[1][0] == namespace]:
            self.delete_data(kind, key)

    def _delete_objects_of(self, namespace: str) -> None:
        for key in [each for each in self.objects if each[0] == namespace]:
            self.delete(key)

    def admit(self, namespace: str) -> None:
        """
        Refuse a creation in a namespace that is being deleted, as the API server does.

        Raises:
            KubeRefused: It is.
        """
        if namespace in self.terminating:
            raise KubeRefused(
                f"namespace {namespace} is being terminated",
                status=403,
                causes=frozenset({"NamespaceTerminating"}),
            )

    # -- storage ------------------------------------------------------------------------------

    def patched(self, key: Key, resource_version: str, **parts: Any) -> Json:  # noqa: ANN401  # JSON.
        """
        Carry out a PATCH of a process.

        Raises:
            KubeNotFound: There is no such object.
            KubeConflict: It has another version.
        """
        known = self.objects.get(key)
        if known is None:
            raise KubeNotFound(f"{key[1]} does not exist", status=404)
        if known["metadata"]["resourceVersion"] != resource_version:
            raise KubeConflict(f"{key[1]}: the object has been modified", status=409)
        if "status" in parts:
            parts["status"] = merged(known["status"], parts["status"])
        return self._replace(key, **parts)

    def _replace(self, key: Key, **parts: object) -> Json:
        """Store an object with other parts; spec and status are such, all else is metadata."""
        known = self.objects[key]
        changed = {**known, **{name: parts.pop(name) for name in ("spec", "status") & parts.keys()}}
        changed["metadata"] = {**known["metadata"], **parts}
        if changed == known:
            return known
        if changed["spec"] != known["spec"] or "deletionTimestamp" in parts:
            changed["metadata"]["generation"] += 1
        if "deletionTimestamp" in changed["metadata"] and not changed["metadata"]["finalizers"]:
            self._remove(key)
            return changed
        return self._store(key, changed, "MODIFIED")

    def _store(self, key: Key, manifest: Json, kind: str) -> Json:
        manifest["metadata"] = {**manifest["metadata"], "resourceVersion": self._version()}
        self.objects[key] = manifest
        self._show(kind, key, manifest)
        return manifest

    def _remove(self, key: Key) -> None:
        gone = self.objects.pop(key)
        meta = {**gone["metadata"], "resourceVersion": self._version()}
        self._show("DELETED", key, {**gone, "metadata": meta})

    def _show(self, kind: str, key: Key, manifest: Json) -> None:
        for watch in () if key in self.hidden else self.watches:
            watch.show(kind, key, manifest)

    def _show_data(self, kind: Kind, key: Key) -> None:
        found = self.data.get((kind, key))
        version = (found.uid, found.resource_version) if found else None
        for watch in self.watches:
            watch.later(functools.partial(watch.data_changed, kind, key, version))

    def _version(self) -> str:
        self._versions += 1
        return str(self._versions)

    def _uid(self) -> str:
        self._uids += 1
        return f"00000000-0000-4000-8000-{self._uids:012d}"


class EventRouter(Protocol):
    """Takes in what a watch shows, as `rds_ssl.engine.events.router.EventRouter` does."""

    def observe(self, kind: str | None, manifest: Mapping[str, Any]) -> None:
        """Take in an event of the object watch; *kind* None is a listed object."""

    def data_changed(self, kind: Kind, name: tuple[str, str]) -> None:
        """Take in that a Secret or ConfigMap appeared, changed or went."""


class Watch:
    """What the watches of one process show: of objects, and of the metadata of data."""

    def __init__(
        self, kube: KubeMemory, selects: Callable[[Json], bool] = lambda _manifest: True
    ) -> None:
        """
        It has listed the data already, and shows nothing before it has an *router*.

        *selects* stands for the label selector.
        """
        self._selects = selects
        self._selected = {key for key, each in kube.objects.items() if selects(each)}
        self.router: EventRouter | None = None
        self._versions = {
            name: (each.uid, each.resource_version) for name, each in kube.data.items()
        }
        self._pending: deque[Callable[[], None]] = deque()
        self.wanted: set[Reference] = set()
        """What objects refer to, as the engine has told."""
        self._frozen = False
        kube.watches.append(self)

    def want(self, reference: Reference) -> None:
        """See `DataWatch.want`; all is shown."""
        self.wanted.add(reference)

    def unwant(self, reference: Reference) -> None:
        """See `DataWatch.unwant`."""
        self.wanted.discard(reference)

    def start(self, on_change: OnChange) -> None:
        """See `DataWatch.start`: the router is told."""

    async def synced(self) -> None:
        """See `DataWatch.synced`."""

    async def stop(self) -> None:
        """See `DataWatch.stop`."""

    def version(self, kind: Kind, key: Key) -> tuple[str, str] | None:
        """Give uid and resourceVersion as they were shown last."""
        return self._versions.get((kind, key))

    def later(self, show: Callable[[], None]) -> None:
        """Show a change a moment later, after those before."""
        self._pending.append(show)
        asyncio.get_running_loop().call_later(WATCH_SECONDS, self._show_next)

    def show(self, kind: str, key: Key, manifest: Json) -> None:
        """Show a change of an object that is selected; one that is not any more is deleted."""
        before, selected = key in self._selected, self._selects(manifest)
        if selected and kind != "DELETED":
            self._selected.add(key)
            self.later(functools.partial(self.observe, kind if before else "ADDED", manifest))
        elif selected or before:
            self._selected.discard(key)
            self.later(functools.partial(self.observe, "DELETED", manifest))

    def freeze(self) -> None:
        """Show nothing until `thaw`."""
        self._frozen = True

    def thaw(self) -> None:
        """Show what has happened meanwhile, in its order."""
        self._frozen = False
        while self._pending:
            self._pending.popleft()()

    def _show_next(self) -> None:
        if self._pending and not self._frozen:
            self._pending.popleft()()

    def observe(self, kind: str | None, manifest: Json) -> None:
        """Show an object."""
        if self.router is not None:
            self.router.observe(kind, manifest)

    def data_changed(self, kind: Kind, key: Key, version: tuple[str, str] | None) -> None:
        """Show a Secret or ConfigMap; *version* None: it is gone."""
        self._versions.pop((kind, key), None)
        if version is not None:
            self._versions[kind, key] = version
        if self.router is not None:
            self.router.data_changed(kind, key)


class MemoryResources(Resources):
    """One process's way to the cluster."""

    def __init__(
        self,
        cluster: KubeMemory,
        connection: Connection,
        selects: Callable[[Json], bool] = lambda _manifest: True,
    ) -> None:
        """*selects* stands for the label selector."""
        self._cluster = cluster
        self._connection = connection
        self._selects = selects

    async def list_all(self) -> list[Json]:
        """See `Resources.list_all`; the selector leaves out what is hidden."""

        async def found() -> list[Json]:
            shown = self._cluster.objects.items()
            return [
                each
                for key, each in shown
                if key not in self._cluster.hidden and self._selects(each)
            ]

        return await self._connection.carry("kube", "list_all", "", found)

    async def list_by_instance(self, instance_id: str) -> list[Json]:
        """See `Resources.list_by_instance`."""

        async def found() -> list[Json]:
            every = self._cluster.objects.values()
            return [each for each in every if each["spec"]["instanceID"] == instance_id]

        return await self._connection.carry("kube", "list_by_instance", instance_id, found)

    async def list_by_primary(self, instance_id: str) -> list[Json]:
        """See `Resources.list_by_primary`."""

        async def found() -> list[Json]:
            return [
                each
                for each in self._cluster.objects.values()
                if instance_id
                in {
                    each["spec"]["instanceID"],
                    (each["status"].get("instance") or {}).get("masterInstanceID"),
                }
            ]

        return await self._connection.carry("kube", "list_by_primary", instance_id, found)

    async def get(self, namespace: str, name: str) -> Json:
        """See `Resources.get`."""

        async def found() -> Json:
            if (namespace, name) not in self._cluster.objects:
                raise KubeNotFound(f"{name} does not exist", status=404)
            return self._cluster.objects[namespace, name]

        return await self._connection.carry("kube", "get", name, found)

    async def patch_status(
        self, namespace: str, name: str, *, resource_version: str, status: Mapping[str, object]
    ) -> Json:
        """See `Resources.patch_status`."""
        body = self._note("patch_status", status)

        async def patched() -> Json:
            return self._cluster.patched((namespace, name), resource_version, status=body)

        return await self._connection.carry("kube", "patch_status", name, patched, body)

    async def patch_finalizers(
        self, namespace: str, name: str, *, resource_version: str, finalizers: Sequence[str]
    ) -> Json:
        """See `Resources.patch_finalizers`."""
        body = self._note("patch_finalizers", {"finalizers": list(finalizers)})

        async def patched() -> Json:
            return self._cluster.patched((namespace, name), resource_version, **body)

        return await self._connection.carry("kube", "patch_finalizers", name, patched, body)

    async def read_data(self, kind: Kind, namespace: str, name: str) -> DataObject:
        """See `Resources.read_data`."""

        async def found() -> DataObject:
            if (kind, (namespace, name)) in self._cluster.forbidden:
                raise KubeRefused(f"{name} is forbidden", status=403)
            known = self._cluster.data.get((kind, (namespace, name)))
            if known is None:
                raise KubeNotFound(f"{kind} {name} does not exist", status=404)
            return known

        return await self._connection.carry("kube", "read_data", name, found)

    async def create_event(
        self,
        involved: Mapping[str, Any],
        *,
        reason: str,
        message: str,
        warning: bool,
        time: str,
    ) -> str:
        """See `Resources.create_event`."""
        name = involved["metadata"]["name"]
        event = {"name": name, "reason": reason, "message": message, "warning": warning}
        body = self._note("create_event", {**event, "time": time})

        async def created() -> None:
            self._cluster.admit(involved["metadata"]["namespace"])
            self._cluster.events.append(body)

        await self._connection.carry("kube", "create_event", name, created, body)
        return f"{name}.{len(self._cluster.events)}"

    async def count_event(self, namespace: str, name: str, *, count: int, time: str) -> None:
        """See `Resources.count_event`."""
        number = int(name.rpartition(".")[2]) - 1
        body = self._note("count_event", {"name": name, "count": count, "time": time})

        async def counted() -> None:
            self._cluster.admit(namespace)
            if number >= len(self._cluster.events):
                raise KubeNotFound(f"no Event {name}", status=404)
            self._cluster.events[number]["count"] = count

        await self._connection.carry("kube", "count_event", name, counted, body)

    async def is_terminating(self, involved: Mapping[str, Any], *, time: str) -> bool:
        """See `Resources.is_terminating`."""
        del time
        meta = involved["metadata"]

        async def found() -> bool:
            return meta["namespace"] in self._cluster.terminating

        return await self._connection.carry("kube", "is_terminating", meta["name"], found)

    async def missing(self, *, watch_config: bool = True) -> list[str]:
        """See `Resources.missing`: nothing is."""
        del watch_config
        return []

    def _note(self, what: str, body: Mapping[str, object]) -> Json:
        text = json.dumps(body)
        self._cluster.writes[what] += 1
        self._cluster.written.append(text)
        parsed: Json = json.loads(text)
        return parsed


def has_finalizer(manifest: Mapping[str, Any]) -> bool:
    """Whether an object waits for the operator before it goes."""
    return FINALIZER in manifest["metadata"].get("finalizers", ())


def _json(value: Mapping[str, Any]) -> Json:
    copied: Json = json.loads(json.dumps(value))
    return copied
