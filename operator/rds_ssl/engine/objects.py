"""
The DBInstanceSSL objects as the watch shows them, and who refers to what.

A cache, never the truth: before a call to the cloud the object is read again. kopf's own cache is
not used: it keeps whole bodies, and an object that vanishes while a stream is broken for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from rds_ssl.core.declaration import Declaration, ManagementPolicy
from rds_ssl.core.declaration import parse as parse_declaration
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.model import APPROVE_ANNOTATION, FINALIZER, RECONCILE_ANNOTATION
from rds_ssl.core.operation import UNFINISHED
from rds_ssl.core.status import TOKEN_LENGTH, HistoryEntry, Status
from rds_ssl.core.status import parse as parse_status

_Name = TypeVar("_Name")

Key = tuple[str, str]
"""Namespace and name."""

Referenced = tuple[str, str, str]
"""Kind, namespace and name of a Secret or ConfigMap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One object, parsed. *declaration* is None if it breaks a rule: *faults* say which."""

    key: Key
    uid: str
    resource_version: str
    generation: int
    created: datetime
    deleting: bool
    annotations: Mapping[str, str]
    finalizers: tuple[str, ...]
    declaration: Declaration | None
    faults: tuple[str, ...]
    instance_id: str
    status: Status
    raw_status: Mapping[str, Any]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Resource":
        """Read an object as it came from the API server."""
        meta = manifest["metadata"]
        spec = manifest.get("spec") or {}
        declaration: Declaration | None = None
        faults: tuple[str, ...] = ()
        try:
            declaration = parse_declaration(spec)
        except DeclarationError as error:
            faults = error.faults
        raw = manifest.get("status") or {}
        annotations = meta.get("annotations") or {}
        return cls(
            key=(meta["namespace"], meta["name"]),
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            generation=meta.get("generation", 0),
            created=datetime.fromisoformat(meta["creationTimestamp"]).astimezone(UTC),
            deleting="deletionTimestamp" in meta,
            annotations={
                name: text
                for name, text in annotations.items()
                if name in {RECONCILE_ANNOTATION, APPROVE_ANNOTATION}
            },
            finalizers=tuple(meta.get("finalizers") or ()),
            declaration=declaration,
            faults=faults,
            instance_id=str(spec.get("instanceID", "")),
            status=parse_status(raw),
            raw_status=raw,
        )

    @property
    def inputs(self) -> tuple[object, ...]:
        """What a person can change about the object; a new value is worth a pass at once."""
        return (self.uid, self.generation, self.deleting, *sorted(self.annotations.items()))

    @property
    def asked(self) -> str | None:
        """The token of a reconcile-now that no pass has answered yet."""
        token = self.annotations.get(RECONCILE_ANNOTATION, "")[:TOKEN_LENGTH]
        return token if token and token != self.status.last_handled_reconcile_at else None

    @property
    def operation_lost(self) -> bool:
        """
        A write-ahead record is there that cannot be read: a newer version's, or a damaged one.

        It must count as unfinished, for "no operation" would allow a call.
        """
        return bool(self.raw_status.get("operation")) and self.status.operation is None

    @property
    def in_flight(self) -> bool:
        """An own call may be on its way or at work."""
        operation = self.status.operation
        return operation is not None and operation.phase in UNFINISHED

    @property
    def primary_id(self) -> str:
        """The ID of the instance's primary, or of the instance itself, as far as status tells."""
        known = self.status.instance
        return (known.master_instance_id if known else None) or self.instance_id

    @property
    def claims(self) -> bool:
        """An Enforce object that has reached the instance once."""
        declaration = self.declaration
        return (
            declaration is not None
            and declaration.management_policy is ManagementPolicy.ENFORCE
            and self.status.instance is not None
        )

    def heir(self, other: "Resource") -> bool:
        """
        Whether *other* lives on and wants the instance as it declares it.

        Within the namespace it need not have reached the instance: a renamed object never has.
        From another one that alone would let anybody stand in the way.
        """
        declaration = other.declaration
        return (
            other.uid != self.uid
            and not other.deleting
            and declaration is not None
            and declaration.management_policy is ManagementPolicy.ENFORCE
            and (other.claims or other.key[0] == self.key[0])
        )

    @property
    def material_sent(self) -> frozenset[str]:
        """The fingerprints of all material in its history."""
        return frozenset(each for entry in self.status.history for each in entry.material)

    @property
    def has_finalizer(self) -> bool:
        """Whether it waits for the operator before it goes."""
        return FINALIZER in self.finalizers

    @property
    def metadata(self) -> dict[str, Any]:
        """What an Event needs to point at it."""
        namespace, name = self.key
        return {
            "namespace": namespace,
            "name": name,
            "uid": self.uid,
            "resourceVersion": self.resource_version,
        }

    def referenced(self) -> Iterable[Referenced]:
        """Every Secret and ConfigMap that a pass may read."""
        if self.declaration is None:
            return
        namespace = self.key[0]
        for each in self.declaration.material_references:
            yield each.kind, namespace, each.name
        if self.declaration.credentials_secret_ref:
            yield "Secret", namespace, self.declaration.credentials_secret_ref.name


def elder(one: Resource) -> tuple[datetime, str]:
    """Order claimants: the oldest first, by creationTimestamp, then uid."""
    return one.created, one.uid


def older_claimant(mine: Resource, others: Iterable[Resource]) -> Resource | None:
    """Give the claimant that wins over *mine*, if there is one."""
    rivals = [each for each in others if each.uid != mine.uid and each.claims]
    winner = min(rivals, key=elder, default=None)
    return winner if winner is not None and elder(winner) < elder(mine) else None


class Objects:
    """All known objects, with indexes from what they name to them."""

    def __init__(self) -> None:
        self._objects: dict[Key, Resource] = {}
        self._by_reference: defaultdict[Referenced, set[Key]] = defaultdict(set)
        self._by_instance: defaultdict[str, set[Key]] = defaultdict(set)
        self._by_material: defaultdict[str, set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._objects.values())

    def keys(self) -> set[Key]:
        """Give the keys of all objects."""
        return set(self._objects)

    def get(self, key: Key) -> Resource | None:
        """Give an object, or None."""
        return self._objects.get(key)

    def outlived(self, resource: Resource) -> bool:
        """
        Whether another object of that name, which is known already, has come after it.

        Events of one object come in order, those of two objects that follow each other need not.
        """
        known = self._objects.get(resource.key)
        return (
            known is not None
            and known.uid != resource.uid
            and _number(resource.resource_version) < _number(known.resource_version)
        )

    def put(self, resource: Resource) -> Resource | None:
        """
        Take in a version; give the one before, or None.

        An older version than the one known is ignored (own PATCHes are known before their echo):
        resource versions of one kind are comparable numbers.
        """
        before = self._objects.get(resource.key)
        if before is not None and before.uid == resource.uid:
            if _number(resource.resource_version) < _number(before.resource_version):
                return before
            self._unlink(before)
        elif before is not None:
            self._unlink(before)
        self._objects[resource.key] = resource
        for reference in resource.referenced():
            self._by_reference[reference].add(resource.key)
        self._by_instance[resource.instance_id].add(resource.key)
        for fingerprint in resource.material_sent:
            self._by_material[fingerprint].add(resource.key)
        return before

    def refresh(self, resource: Resource) -> None:
        """Take in what a request of our own has answered; an object that is gone stays gone."""
        known = self._objects.get(resource.key)
        if known is not None and known.uid == resource.uid:
            self.put(resource)

    def drop(self, key: Key) -> Resource | None:
        """Forget an object; give what it was."""
        gone = self._objects.pop(key, None)
        if gone is not None:
            self._unlink(gone)
        return gone

    def users(self, reference: Referenced) -> list[Key]:
        """Give the keys of the objects that refer to a Secret or ConfigMap, in their order."""
        return sorted(self._by_reference.get(reference, ()))

    def claimants(self, instance_id: str) -> list[Resource]:
        """Give every object that names an instance."""
        return [self._objects[key] for key in self._by_instance.get(instance_id, ())]

    def histories_with(self, material: frozenset[str]) -> list[tuple[HistoryEntry, ...]]:
        """Give the histories in which something of *material* was sent."""
        keys = {key for each in material for key in self._by_material.get(each, ())}
        return [self._objects[key].status.history for key in keys]

    def _unlink(self, resource: Resource) -> None:
        for reference in resource.referenced():
            _discard(self._by_reference, reference, resource.key)
        _discard(self._by_instance, resource.instance_id, resource.key)
        for fingerprint in resource.material_sent:
            _discard(self._by_material, fingerprint, resource.key)


def _discard(index: dict[_Name, set[Key]], name: _Name, key: Key) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[name]


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0
