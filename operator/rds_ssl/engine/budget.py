"""
How many instances of one account may be between sent and verified at the same time.

A slot is reserved right before a call, last of all gates, so that none is held while waiting; it is
given back at any end of the operation, or when its object is gone.
"""

from collections.abc import Callable

from rds_ssl.engine.objects import Key


class Budget:
    """
    Slots per account. *limit* 0 is none. *wake* is called for objects that may try again.

    After a restart the slots come back from the records in status, before any credentials are
    known: such a slot has no account and counts for every one.
    """

    def __init__(self, limit: int, wake: Callable[[Key], None]) -> None:
        self._limit = limit
        self._wake = wake
        self._held: dict[Key, str | None] = {}
        self._waiting: dict[Key, str] = {}

    def __len__(self) -> int:
        return len(self._held)

    def reserve(self, key: Key, account: str) -> bool:
        """Take a slot if one is free, else stand in the queue (first come, first served)."""
        if key in self._held:
            self._held[key] = account
            return True
        ahead = 0
        for waiting, other in self._waiting.items():
            if waiting == key:
                break
            ahead += other == account
        if self._limit and self._used(account) + ahead >= self._limit:
            self._waiting.setdefault(key, account)
            return False
        self._waiting.pop(key, None)
        self._held[key] = account
        return True

    def inherit(self, key: Key) -> None:
        """Take the slot of an operation that another process began."""
        self._held.setdefault(key, None)

    def release(self, key: Key) -> None:
        """Give a slot, or a place in the queue, back; whoever is next is woken."""
        waited = self._waiting.pop(key, None)
        if key not in self._held and waited is None:
            return
        account = self._held.pop(key, waited)
        free = self._limit - self._used(account) if account else self._limit
        for waiting, other in list(self._waiting.items()):
            if free <= 0:
                break
            if account is None or other == account:
                free -= 1
                self._wake(waiting)

    def _used(self, account: str) -> int:
        return sum(1 for other in self._held.values() if other is None or other == account)
