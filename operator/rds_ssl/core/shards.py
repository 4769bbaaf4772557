"""
Which of several processes an instance belongs to, by a hash of its ID.

All that declare one instance are in one shard: which of them counts is told there. Source:
docs/decisions/024-shards.md.
"""

import hashlib
from dataclasses import dataclass
from typing import Self

MOST = 64
"""Shards: with more of them each one's share of five changes at a time is beyond reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The *number*-th, from 1, of *count* shards; the first of one is everything."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read ``2/8``: the second of eight.

        Raises:
            ValueError: It is none; a sentence that begins with "it should be".
        """
        number, slash, count = text.partition("/")
        if slash and all(each.isascii() and each.isdigit() for each in (number, count)):
            shard = cls(number=int(number), count=int(count))
            if 1 <= shard.number <= shard.count <= MOST:
                return shard
        raise ValueError(
            f"it should be NUMBER/COUNT such as 2/8, the second of eight: from 1/1 to {MOST}/{MOST}"
        )

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def owns(self, instance_id: str) -> bool:
        """True if an instance belongs to it: by the first 8 bytes of the SHA-256 of its ID."""
        digest = hashlib.sha256(instance_id.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    def share_of(self, limit: int) -> int:
        """
        Return its part of a number: the parts of all shards make the whole, but none is less than
        1. 0, which is no limit, stays 0.
        """
        if not limit:
            return 0
        whole, left = divmod(limit, self.count)
        return max(1, whole + (self.number <= left))

    def share_of_rate(self, rate: float) -> float:
        """Return its part of a rate; 0, which is no limit, stays 0."""
        return rate / self.count

    def name(self, of: str) -> str:
        """Return what *of*, of which each shard has one, is called for this one."""
        if self.count == 1:
            return of
        return f"{of}-{self.number}-of-{self.count}"
