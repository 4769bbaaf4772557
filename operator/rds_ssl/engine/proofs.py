"""
Which objects have reached their instance, as far as this process has seen itself.

What an object's status says of that, its namespace may have written: a Role with ``resources:
["*"]`` allows it. Within a namespace that is nobody else's loss. Beyond it a status counts only
once a pass of this process has read the instance with the object's own credentials: who can do that
has no need to forge anything. Source: docs/decisions/015-tenants.md.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from rds_ssl.core.model import Reason
from rds_ssl.engine.objects import Key, Objects, Resource, namespace_of

NO_ACCESS = frozenset({Reason.CREDENTIALS_INVALID, Reason.FORBIDDEN, Reason.INSTANCE_NOT_FOUND})
"""Reasons of failed reads that show that an object's credentials do not reach its instance."""

PATIENCE = 30.0
"""
Seconds for which an object lets what others' statuses say count although this process has not
looked at them yet, once for all of them, from when it first asks. The looks that it asks for come
before those of all others.
"""

PATIENCE_IN_CONFLICT = 600.0
"""
The same for an object that a process before has found in conflict: it has given the instance up
already, and to take it back because the other's first look takes long would be a restart.
"""


_NEW_PATIENCE = 3600.0
"""Seconds after which an object may wait anew for what others prove: they come and go unseen."""


class Standing(Enum):
    """What the status of another object counts for."""

    COUNTS = auto()
    OPEN = auto()
    """Nobody has looked yet: wait."""
    NOTHING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What the last look of this process that told anything has shown."""

    uid: str
    instance_id: str
    account: str | None
    """Whose credentials have read the instance; None: they could not."""
    primary: str | None = None
    """The ID of its primary, or of itself; None: not read."""

    def is_of(self, resource: Resource) -> bool:
        return self.uid == resource.uid and self.instance_id == resource.instance_id


class Proofs:
    """
    What passes have shown; all of it may be forgotten.

    Only of objects that are older than this process may a status tell something that it does not
    know: a younger one has nothing that a pass before has found, whatever its status says.
    """

    def __init__(
        self,
        objects: Objects,
        *,
        started: datetime,
        look: Callable[[Key], None],
        settled: Callable[[], None],
        prove: Callable[[Resource], None] | None = None,
    ) -> None:
        """
        Make it.

        Args:
            look: Asks for a look at an object.
            settled: Something may count otherwise now.
            prove: Asks for a proof of one that another process serves; None: there is no other.
        """
        self._prove = prove
        self._objects = objects
        self._started = started
        self._look = look
        self._settled = settled
        self._looks: dict[Key, _Look] = {}
        self._awaited: set[Key] = set()
        """At which somebody has asked for a look."""
        self._asking: dict[Key, float] = {}
        """Since when those that have asked do."""
        self._asking_others: dict[Key, float] = {}
        """The same of what other processes serve."""

    def begin(self, now: datetime) -> None:
        """Note that this process leads from now on: what is older, another one may have proved."""
        self._started = now

    def reached(self, resource: Resource, account: str, *, primary: str | None = None) -> None:
        """Note that the instance was read with an object's credentials, and its primary's ID."""
        if primary is None:
            primary = self.primary_of(resource)
        self._note(resource, account, primary)

    def primary_of(self, resource: Resource) -> str | None:
        """Return the ID of the primary of an object's instance, or its own, if it was read."""
        known = self._looks.get(resource.key)
        return known.primary if known is not None and known.is_of(resource) else None

    def refused(self, resource: Resource) -> None:
        """
        Note that an object's credentials do not reach its instance.

        Who has reached it before loses nothing by that: credentials come and go, and an instance
        that changes hands with them restarts each time.
        """
        known = self._looks.get(resource.key)
        if known is None or not known.is_of(resource) or known.account is None:
            self._note(resource, None)

    def forget(self, key: Key) -> None:
        """Forget an object that is gone."""
        self._looks.pop(key, None)
        self._awaited.discard(key)
        self._asking.pop(key, None)
        self._asking_others.pop(key, None)

    def is_awaited(self, key: Key) -> bool:
        """True if somebody waits for a look at an object."""
        return key in self._awaited and key not in self._looks

    def standing(self, other: Resource, *, mine: Resource, in_conflict: bool = False) -> Standing:
        """Return what the status of *other* counts for in the eyes of *mine*."""
        if namespace_of(other.key) == namespace_of(mine.key):
            return Standing.COUNTS
        if self._prove is not None and self._is_strange(other.key):
            self._prove(other)
        known = self._looks.get(other.key)
        if known is not None and known.is_of(other):
            if known.account is not None:
                return Standing.COUNTS
            if not in_conflict:
                return Standing.NOTHING
        patience = PATIENCE_IN_CONFLICT if in_conflict else PATIENCE
        return self._open(other, mine.key, patience)

    def may_hold(self, holder: Key, asker: Key) -> bool:
        """True if a slot whose account is not known counts for somebody who asks for one."""
        if namespace_of(holder) == namespace_of(asker):
            return True
        known = self._looks.get(holder)
        if known is not None:
            return known.account is not None
        resource = self._objects.at_rest(holder)
        return resource is not None and self._open(resource, asker, PATIENCE) is Standing.OPEN

    def same_account(self, other: Key, mine: Key, account: str) -> bool:
        """True if what became of *other* tells something to *mine*, who acts for *account*."""
        if namespace_of(other) == namespace_of(mine):
            return True
        known = self._looks.get(other)
        return known is not None and known.account == account

    def _is_strange(self, key: Key) -> bool:
        return self._objects.at_rest(key) is None

    def _note(self, resource: Resource, account: str | None, primary: str | None = None) -> None:
        look = _Look(
            uid=resource.uid,
            instance_id=resource.instance_id,
            account=account,
            primary=primary,
        )
        new = self._looks.get(resource.key) != look
        self._looks[resource.key] = look
        if new and resource.key in self._awaited:
            self._settled()

    def _open(self, other: Resource, asker: Key, patience: float) -> Standing:
        if self._prove is not None and self._is_strange(other.key):
            return self._open_elsewhere(asker, patience)
        if other.created > self._started:
            return Standing.NOTHING
        loop = asyncio.get_running_loop()
        now = loop.time()
        if other.key not in self._awaited:
            self._awaited.add(other.key)
            self._look(other.key)
        if asker not in self._asking:
            self._asking[asker] = now
            loop.call_later(PATIENCE + 0.01, self._settled)
        return Standing.OPEN if now - self._asking[asker] < patience else Standing.NOTHING

    def _open_elsewhere(self, asker: Key, patience: float) -> Standing:
        """Return the same of one that another process serves, whenever it was created."""
        now = asyncio.get_running_loop().time()
        since = self._asking_others.get(asker)
        if since is None or now - since >= _NEW_PATIENCE:
            since = self._asking_others[asker] = now
        return Standing.OPEN if now - since < patience else Standing.NOTHING
