"""
Whose turn it is among the keys that wait for a pass: by priority, and fair between tenants.

A tenant is whoever can create as many keys as they like: a namespace. Nobody can be kept from
that, so the number of keys must not buy anything.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

from rds_ssl.core.model import Priority

SHARE = 4
"""
One pass of so many is for the key that has waited longest. Little enough that changes in flight are
seen in time while a thousand objects get their first look, enough that these go on meanwhile.
"""

Key = TypeVar("Key", bound=Hashable)

Tenant = Hashable

_Queue = dict[Key, float]
"""Keys with the time at which they were added, in the order of arrival."""


class Turns(Generic[Key]):
    """
    Keys that wait, each once.

    The smallest priority goes first; within one the tenants take turns, and of one tenant's keys
    goes who came first. Each `SHARE`-th turn goes to one tenant after the other, whatever the
    priority, for its key that has waited longest: nobody waits for ever, and whoever has a thousand
    old keys waits no less than whoever has one.
    """

    def __init__(self, tenant: Callable[[Key], Tenant]) -> None:
        self._tenant = tenant
        self._queues: dict[Priority, OrderedDict[Tenant, _Queue[Key]]] = {
            each: OrderedDict() for each in Priority
        }
        self._priorities: dict[Key, Priority] = {}
        self._tenants: OrderedDict[Tenant, int] = OrderedDict()
        """How many keys of each wait; in the order of their turns whatever the priority."""
        self._taken = 0

    def __len__(self) -> int:
        return len(self._priorities)

    def __contains__(self, key: Key) -> bool:
        return key in self._priorities

    def since(self) -> Iterator[float]:
        """Yield since when each key has been waiting."""
        for tenants in self._queues.values():
            for queue in tenants.values():
                yield from queue.values()

    def beside(self, tenant: Tenant) -> bool:
        """True if keys of another tenant wait."""
        return len(self._tenants) > (tenant in self._tenants)

    def put(self, key: Key, *, since: float, priority: Priority) -> None:
        """Let a key wait; of two priorities the more urgent counts, of two times the earlier."""
        known = self._priorities.get(key)
        if known is not None:
            if known <= priority:
                return
            since = self._remove(key)
        tenant = self._tenant(key)
        self._priorities[key] = priority
        self._queues[priority].setdefault(tenant, {})[key] = since
        self._tenants[tenant] = self._tenants.get(tenant, 0) + 1

    def discard(self, key: Key) -> None:
        """Let a key wait no more, if it does."""
        if key in self._priorities:
            self._remove(key)

    def take(self, may: Callable[[Tenant], bool]) -> Key | None:
        """Take out the key whose turn it is, of the tenants that *may* have one; None: no key."""
        if not self._priorities:
            return None
        shared = (self._taken + 1) % SHARE == 0
        key = self._longest(may) if shared else self._most_urgent(may)
        if key is not None:
            self._taken += 1
            self._remove(key)
        return key

    def _most_urgent(self, may: Callable[[Tenant], bool]) -> Key | None:
        for tenants in self._queues.values():
            tenant = next((each for each in tenants if may(each)), None)
            if tenant is not None:
                tenants.move_to_end(tenant)
                return next(iter(tenants[tenant]))
        return None

    def _longest(self, may: Callable[[Tenant], bool]) -> Key | None:
        tenant = next((each for each in self._tenants if may(each)), None)
        if tenant is None:
            return None
        self._tenants.move_to_end(tenant)
        heads = [
            next(iter(tenants[tenant].items()))
            for tenants in self._queues.values()
            if tenant in tenants
        ]
        return min(heads, key=lambda head: head[1])[0]

    def _remove(self, key: Key) -> float:
        tenant, tenants = self._tenant(key), self._queues[self._priorities.pop(key)]
        since = tenants[tenant].pop(key)
        if not tenants[tenant]:
            del tenants[tenant]
        self._tenants[tenant] -= 1
        if not self._tenants[tenant]:
            del self._tenants[tenant]
        return since
