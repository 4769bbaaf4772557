"""
How many instances of one account may be between sent and verified at the same time.

A slot is reserved right before a call, last of all gates, so that none is held while waiting; it is
given back at any end of the operation, or when its object is gone.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from rds_ssl.engine.objects import Key


class _Slot(NamedTuple):
    account: str | None
    instance_id: str


class Budget:
    """
    Slots per account. *limit* 0 is none. *wake* is called for objects that may try again.

    One instance has one slot, whatever the limit: two objects that declare it never send at once.
    After a restart the slots come back from the records in status, before any credentials are
    known: such a slot has no account and counts for every one.
    """

    def __init__(self, limit: int, wake: Callable[[Key], None]) -> None:
        self._limit = limit
        self._wake = wake
        self._held: dict[Key, _Slot] = {}
        self._waiting: dict[Key, _Slot] = {}
        self._lingering: dict[str, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._held)

    def reserve(self, key: Key, *, account: str, instance_id: str) -> bool:
        """Take a slot if one is free, else stand in the queue (first come, first served)."""
        wanted = _Slot(account, instance_id)
        if key in self._held:
            self._held[key] = wanted
            return True
        if self._is_free(wanted, ahead=self._ahead(key, wanted)):
            self._waiting.pop(key, None)
            self._held[key] = wanted
            return True
        self._waiting.setdefault(key, wanted)
        return False

    def inherit(self, key: Key, *, instance_id: str) -> None:
        """Take the slot of an operation that another process began."""
        self._held.setdefault(key, _Slot(None, instance_id))

    def release(self, key: Key) -> None:
        """Give a slot, or a place in the queue, back; whoever may go now is woken."""
        waited = self._waiting.pop(key, None)
        if self._held.pop(key, waited) is not None:
            self._wake_free()

    def linger(self, instance_id: str, seconds: float) -> None:
        """
        Let nobody have the slot of an instance for a while.

        A change of it may be under way of which no record is left: its object was deleted, perhaps
        to be applied again, or lost its status. For some seconds the instance shows nothing of it.
        """
        before = self._lingering.pop(instance_id, None)
        if before is not None:
            before.cancel()
        loop = asyncio.get_running_loop()
        self._lingering[instance_id] = loop.call_later(seconds, self._settled, instance_id)

    def _settled(self, instance_id: str) -> None:
        del self._lingering[instance_id]
        self._wake_free()

    def _wake_free(self) -> None:
        for waiting, wanted in list(self._waiting.items()):
            if self._is_free(wanted, ahead=self._ahead(waiting, wanted)):
                self._wake(waiting)

    def _ahead(self, key: Key, wanted: _Slot) -> int:
        ahead = 0
        for waiting, other in self._waiting.items():
            if waiting == key:
                break
            ahead += other.account == wanted.account
        return ahead

    def _is_free(self, wanted: _Slot, *, ahead: int) -> bool:
        if wanted.instance_id in self._lingering:
            return False
        if any(each.instance_id == wanted.instance_id for each in self._held.values()):
            return False
        used = sum(each.account in {None, wanted.account} for each in self._held.values())
        return not self._limit or used + ahead < self._limit
