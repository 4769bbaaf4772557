"""
The DBInstanceSSL objects as the watch shows them, and who refers to what.

A cache, never the truth: before a call to the cloud the object is read again. kopf's own cache is
not used: it keeps whole bodies, and an object that vanishes while a stream is broken for ever.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from rds_ssl.core.api.spec import Declaration, ManagementPolicy, parse_spec
from rds_ssl.core.api.status import Status, parse_status
from rds_ssl.core.api.status_types import TOKEN_LENGTH
from rds_ssl.core.checks.figures import DECLARED, Figures, figures
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.gates.failures import Outcome
from rds_ssl.core.model import (
    APPROVE_ANNOTATION,
    FINALIZER,
    RECONCILE_ANNOTATION,
    UNFINISHED,
)
from rds_ssl.kube.resources import Kind

_Name = TypeVar("_Name")

Key = tuple[str, str]
"""Namespace and name."""


def namespace_of(key: Key) -> str:
    """Return whose an object is: a namespace has one tenant, as far as rights go."""
    return key[0]


Referenced = tuple[Kind, str, str]
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
    def of(cls, manifest: Mapping[str, Any], known: "Resource | None" = None) -> "Resource":
        """
        Read an object as it came from the API server.

        *known* is another version of it: the spec of one generation is always the same.
        """
        meta = manifest["metadata"]
        spec = manifest.get("spec") or {}
        declaration: Declaration | None = None
        faults: tuple[str, ...] = ()
        if (
            known is not None
            and known.uid == meta["uid"]
            and known.generation == meta.get("generation")
        ):
            declaration, faults = known.declaration, known.faults
        else:
            try:
                declaration = parse_spec(spec)
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

    def successor(self, other: "Resource") -> bool:
        """
        True if *other* lives on and wants the instance as it declares it.

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
    def has_finalizer(self) -> bool:
        """True if it waits for the operator before it goes."""
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

    @property
    def log_fields(self) -> dict[str, str]:
        """The fields of a log line about it."""
        namespace, name = self.key
        return {"namespace": namespace, "object_name": name, "instance_id": self.instance_id}

    def referenced(self) -> Iterable[Referenced]:
        """Every Secret and ConfigMap that a pass may read."""
        if self.declaration is None:
            return
        namespace = self.key[0]
        for each in self.declaration.material_references:
            yield each.kind, namespace, each.name
        if self.declaration.credentials_secret_ref:
            yield "Secret", namespace, self.declaration.credentials_secret_ref.name


_NO_STATUS = Status()
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class _Kept:
    """
    One object at rest: its status as text.

    A status of 2 KB takes ten times that as objects, twice over (as it came, and parsed); to read
    it again for a pass takes 0.05 ms.
    """

    resource: Resource
    """Without its status."""
    status: bytes
    figures: Figures
    outcomes: tuple[Outcome, ...]
    """Of its history, what newly sent material came to."""

    @classmethod
    def of(cls, resource: Resource) -> "_Kept":
        status = resource.status
        return cls(
            resource=replace(resource, status=_NO_STATUS, raw_status=_NOTHING),
            status=json.dumps(resource.raw_status).encode("ascii"),
            figures=figures(status),
            outcomes=tuple(
                Outcome(each.time, each.result, each.material)
                for each in status.history
                if each.material
            ),
        )

    def whole(self) -> Resource:
        raw = json.loads(self.status)
        return replace(self.resource, status=parse_status(raw), raw_status=raw)

    def fingerprints(self) -> set[str]:
        return {each for outcome in self.outcomes for each in outcome.material}


class Objects:
    """All known objects, with indexes from what they name to them, and their numbers."""

    def __init__(self) -> None:
        self._objects: dict[Key, _Kept] = {}
        self._by_reference: defaultdict[Referenced, set[Key]] = defaultdict(set)
        self._by_instance: defaultdict[str, set[Key]] = defaultdict(set)
        self._by_material: defaultdict[str, set[Key]] = defaultdict(set)
        self.ready: Counter[tuple[str, str]] = Counter()
        """How many objects have a Ready condition of that status and reason."""
        self.held: Counter[tuple[str, str]] = Counter()
        """How many plans are held by that reason, with that restart predicted."""
        self._elsewhere: dict[Key, tuple[str, str]] = {}
        """(uid, resourceVersion) of what other shards serve, and nothing else of it."""

    def __len__(self) -> int:
        return len(self._objects)

    def figures(self) -> list[tuple[Key, str, Figures]]:
        """Return key, instance's ID and figures of all objects, as they are at this moment."""
        return [
            (key, each.resource.instance_id, each.figures) for key, each in self._objects.items()
        ]

    def keys(self) -> set[Key]:
        """Return the keys of all objects."""
        return set(self._objects)

    def get(self, key: Key) -> Resource | None:
        """Return an object, or None."""
        kept = self._objects.get(key)
        return None if kept is None else kept.whole()

    def at_rest(self, key: Key) -> Resource | None:
        """Return an object without its status, or None."""
        kept = self._objects.get(key)
        return None if kept is None else kept.resource

    def version(self, key: Key) -> tuple[str, str] | None:
        """
        Return (uid, resourceVersion) of an object as it is known, or None.

        Also of one that another shard serves: whether the watch shows what is there has to be told
        of all.
        """
        kept = self._objects.get(key)
        if kept is None:
            return self._elsewhere.get(key)
        return kept.resource.uid, kept.resource.resource_version

    def pass_over(self, key: Key, version: tuple[str, str]) -> Resource | None:
        """Note that another shard serves an object; give what it was if it was served here."""
        gone = self.drop(key)
        self._elsewhere[key] = version
        return gone

    def outlived(self, key: Key, resource_version: str) -> bool:
        """
        True if a later version, or another object of that name that has come after it, is known.

        Events of one object come in order, those of two objects that follow each other need not;
        and what was read beside the watch may be ahead of it.
        """
        known = self.version(key)
        return known is not None and number_of(resource_version) < number_of(known[1])

    def put(self, resource: Resource) -> None:
        """
        Take in a version.

        An older version than the one known is ignored (own PATCHes are known before their echo):
        resource versions of one kind are comparable numbers.
        """
        before = self._objects.get(resource.key)
        if before is not None:
            known = before.resource
            if known.uid == resource.uid and number_of(resource.resource_version) < number_of(
                known.resource_version
            ):
                return
            self._unlink(before)
        kept = _Kept.of(resource)
        self._elsewhere.pop(resource.key, None)
        self._objects[resource.key] = kept
        for reference in resource.referenced():
            self._by_reference[reference].add(resource.key)
        self._by_instance[resource.instance_id].add(resource.key)
        for fingerprint in kept.fingerprints():
            self._by_material[fingerprint].add(resource.key)
        self.ready[kept.figures.ready] += 1
        self.held.update(_gates(kept))

    def refresh(self, resource: Resource) -> None:
        """Take in what a request of our own has answered; an object that is gone stays gone."""
        known = self._objects.get(resource.key)
        if known is not None and known.resource.uid == resource.uid:
            self.put(resource)

    def drop(self, key: Key) -> Resource | None:
        """Forget an object; give what it was, if it was served here."""
        self._elsewhere.pop(key, None)
        gone = self._objects.pop(key, None)
        if gone is None:
            return None
        self._unlink(gone)
        return gone.whole()

    def users(self, reference: Referenced) -> list[Key]:
        """Return the keys of the objects that refer to a Secret or ConfigMap, in their order."""
        return sorted(self._by_reference.get(reference, ()))

    def named_beside(self, resource: Resource) -> list[Key]:
        """Return the keys of the other objects that name its instance."""
        keys = self._by_instance.get(resource.instance_id, ())
        return [key for key in keys if key != resource.key]

    def naming(self, instance_id: str) -> list[Key]:
        """Return the keys of the objects that name an instance, in their order."""
        return sorted(self._by_instance.get(instance_id, ()))

    def beside(self, resource: Resource) -> list[Resource]:
        """Return the other objects that name its instance."""
        return [self._objects[key].whole() for key in self.named_beside(resource)]

    def histories_with(self, material: frozenset[str]) -> list[tuple[Key, tuple[Outcome, ...]]]:
        """Return whose histories name something of *material*, and what it came to."""
        keys = {key for each in material for key in self._by_material.get(each, ())}
        return [(key, self._objects[key].outcomes) for key in keys]

    def _unlink(self, kept: _Kept) -> None:
        resource = kept.resource
        for reference in resource.referenced():
            _discard(self._by_reference, reference, resource.key)
        _discard(self._by_instance, resource.instance_id, resource.key)
        for fingerprint in kept.fingerprints():
            _discard(self._by_material, fingerprint, resource.key)
        _subtract(self.ready, kept.figures.ready)
        for each in _gates(kept):
            _subtract(self.held, each)


def _gates(kept: _Kept) -> list[tuple[str, str]]:
    return [(each.held_by, each.restart) for each in kept.figures.held if each.plan == DECLARED]


def _subtract(counts: Counter[tuple[str, str]], what: tuple[str, str]) -> None:
    counts[what] -= 1
    if not counts[what]:
        del counts[what]


def _discard(index: dict[_Name, set[Key]], name: _Name, key: Key) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[name]


def number_of(version: str) -> int:
    """Return a resourceVersion as the number that it is; 0 for one that is none."""
    return int(version) if version.isdigit() else 0
