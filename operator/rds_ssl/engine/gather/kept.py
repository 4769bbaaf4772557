"""A cache with a bound: what was asked for longest ago goes first."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

ENTRY_BYTES = 500
"""What an entry takes beside its value: names, a version, the place in the cache."""


class Kept(Generic[K, V]):
    """
    Values by key, of so many bytes in all.

    For what can be had again, at a cost: a tenant who makes much of it pays with requests of his
    own, and others with one each, but nobody with the memory of the process.
    """

    def __init__(self, most: int) -> None:
        """*most* is in bytes, as whoever puts a value in counts them."""
        self._most = most
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.size = 0
        """Bytes of all values and their entries."""

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[K]:
        return iter(tuple(self._values))

    def get(self, key: K) -> V | None:
        """Return a value, or None; it is the last to go then."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, *, size: int) -> None:
        """Keep a value of *size* bytes; one that is larger than the cache is not kept."""
        self.drop(key)
        weight = size + ENTRY_BYTES
        if weight > self._most:
            return
        self._values[key] = (value, weight)
        self.size += weight
        while self.size > self._most:
            self.drop(next(iter(self._values)))

    def drop(self, key: K) -> None:
        """Forget a value, if there is one."""
        found = self._values.pop(key, None)
        if found is not None:
            self.size -= found[1]
