"""
How many instances of one account may be between sent and verified at the same time.

A slot is reserved right before a call, last of all gates, so that none is held while waiting; it is
given back at any end of the operation, or when its object is gone.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rds_ssl.engine.objects import Key, Resource

_REMEMBERED = 10
"""Restarts of one instance; as many as a history keeps, and as the limit of a day can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    account: str | None
    """None: of an operation that another process began; it counts for every account."""
    instance_id: str
    primary: str
    material: frozenset[str] | None = None
    """None: not known."""
    alone: bool = False
    """No other with the same material meanwhile: it has failed elsewhere."""

    def excludes(self, other: "_Slot") -> bool:
        """True if the two may not be held at the same time, whatever the limit."""
        if self.instance_id == other.instance_id or self.primary == other.primary:
            return True
        if not (self.alone or other.alone):
            return False
        if self.material is None or other.material is None:
            return True
        return not self.material.isdisjoint(other.material)


class Budget:
    """
    Slots per account. *limit* 0 is none. *wake* is called for objects that may try again.

    One instance has one slot, whatever the limit: two objects that declare it never send at once.
    So has a primary with its read-only instances. Where slots are scarce, the namespaces take
    turns: one with many objects does not keep the others waiting for hours.

    After a restart the slots come back from the records in status, before any credentials are
    known: such a slot has no account and counts for every one, as long as its object may be
    believed (`rds_ssl.engine.proofs`).
    """

    def __init__(
        self,
        limit: int,
        wake: Callable[[Key], None],
        may_hold: Callable[[Key, Key], bool] = lambda _holder, _asker: True,
    ) -> None:
        """*may_hold*: whether a slot that was inherited counts for somebody who asks for one."""
        self._limit = limit
        self._wake = wake
        self._may_hold = may_hold
        self._held: dict[Key, _Slot] = {}
        self._waiting: dict[Key, _Slot] = {}
        self._turns: dict[str, int] = {}
        """By namespace: the number of its last slot, of those given while others waited."""
        self._given = 0
        self._cooling: dict[str, asyncio.TimerHandle] = {}
        self._restarts: defaultdict[str, deque[tuple[str, datetime]]] = defaultdict(
            lambda: deque(maxlen=_REMEMBERED)
        )

    def __len__(self) -> int:
        return len(self._held)

    def reserve(
        self,
        key: Key,
        *,
        account: str,
        instance_id: str,
        primary: str = "",
        material: frozenset[str] = frozenset(),
        alone: bool = False,
    ) -> bool:
        """
        Take a slot if one is free, else stand in the queue.

        Args:
            primary: The ID of the primary, or of the instance itself; empty: the latter.
            material: See `rds_ssl.core.planning.planner.Plan.material`.
            alone: Only if no slot with some of the same material is held.
        """
        wanted = _Slot(
            account=account,
            instance_id=instance_id,
            primary=primary or instance_id,
            material=material,
            alone=alone,
        )
        if key in self._held:
            self._held[key] = wanted
            return True
        self._waiting[key] = wanted  # A place that it has already is kept.
        if not self._is_free(key, wanted, self._held) or key not in self._admitted():
            return False
        del self._waiting[key]
        self._held[key] = wanted
        self._given += 1
        self._turns[key[0]] = self._given
        if not self._waiting:
            self._turns.clear()
        return True

    def inherit(self, resource: Resource) -> None:
        """Take the slot of an operation that another process began."""
        operation = resource.status.operation
        slot = _Slot(
            account=None,
            instance_id=resource.instance_id,
            primary=resource.primary_id,
            material=frozenset(operation.material) if operation else None,
        )
        self._held.setdefault(resource.key, slot)

    def attribute(self, key: Key, *, account: str, primary: str) -> None:
        """
        Note whose an inherited slot is, and of which primary.

        The object's credentials have read the instance; so far its status alone has told.
        """
        slot = self._held.get(key)
        if slot is not None and slot.account is None:
            primary = primary or slot.instance_id
            self._held[key] = replace(slot, account=account, primary=primary)
            self._wake_free()

    def try_again(self) -> None:
        """Wake whoever would get a slot: one that was held may count no more."""
        self._wake_free()

    def release(self, key: Key) -> None:
        """Give a slot, or a place in the queue, back; whoever may go now is woken."""
        waited = self._waiting.pop(key, None)
        if self._held.pop(key, waited) is not None:
            self._wake_free()

    def give_back(self, key: Key) -> None:
        """Give a slot back, but keep the place of one that waits for a slot."""
        if self._held.pop(key, None) is not None:
            self._wake_free()

    def cool_down(self, resource: Resource, seconds: float) -> None:
        """
        Let nobody have the slot of an instance, or of its primary, for a while.

        A change of it may be under way of which no record is left: its object was deleted, perhaps
        to be applied again, or lost its status. For some seconds the instance shows nothing of it.
        """
        loop = asyncio.get_running_loop()
        for each in {resource.instance_id, resource.primary_id}:
            before = self._cooling.pop(each, None)
            if before is not None:
                before.cancel()
            self._cooling[each] = loop.call_later(seconds, self._settled, each)
        self.give_back(resource.key)

    def note_restart(self, instance_id: str, request_id: str, at: datetime) -> None:
        """Remember a call that may restart an instance, whatever becomes of its object."""
        self._restarts[instance_id].append((request_id, at))

    def restarts(self, instance_id: str) -> Mapping[str, datetime]:
        """Give, by request, when this process sent what may have restarted an instance."""
        return dict(self._restarts.get(instance_id, ()))

    def _settled(self, instance_id: str) -> None:
        del self._cooling[instance_id]
        self._wake_free()

    def _wake_free(self) -> None:
        for each in self._admitted():
            self._wake(each)

    def _admitted(self) -> list[Key]:
        """
        Return those in the queue that would get a slot if all of them asked now.

        Whether one has to be alone may have changed since it asked: it says so when it asks again.
        """
        taken = dict(self._held)
        admitted: list[Key] = []
        for key, waiting in self._queue():
            wanted = replace(waiting, alone=False)
            if self._is_free(key, wanted, taken):
                taken[key] = wanted
                admitted.append(key)
        return admitted

    def _queue(self) -> Iterator[tuple[Key, _Slot]]:
        """Yield who waits: in turns of the namespaces, in each by the order of arrival."""
        ahead: Counter[str] = Counter()
        places: list[tuple[int, int, int, Key]] = []
        for arrival, key in enumerate(self._waiting):
            namespace = key[0]
            places.append((ahead[namespace], self._turns.get(namespace, 0), arrival, key))
            ahead[namespace] += 1
        for *_, key in sorted(places):
            yield key, self._waiting[key]

    def _is_free(self, key: Key, wanted: _Slot, taken: Mapping[Key, _Slot]) -> bool:
        if not self._cooling.keys().isdisjoint({wanted.instance_id, wanted.primary}):
            return False
        counting = [
            each
            for holder, each in taken.items()
            if each.account is not None or self._may_hold(holder, key)
        ]
        if any(each.excludes(wanted) for each in counting):
            return False
        used = sum(each.account in {None, wanted.account} for each in counting)
        return not self._limit or used < self._limit
