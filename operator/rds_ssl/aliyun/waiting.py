"""Who waits for a token, and in which order they are served."""

import asyncio
from dataclasses import dataclass, field

from rds_ssl.core.model import Priority

IDLE_ABOVE = 256
"""Limiters, or tenants of one, above which those that nobody needs are forgotten."""

Caller = tuple[str, str]
"""Namespace and name of an object; the namespace is the tenant."""

NOBODY: Caller = ("", "")


@dataclass(slots=True, eq=False, kw_only=True)
class Place:
    """One that waits: in a pass, with *turn*, or to be called back."""

    action: str
    priority: Priority
    begun: bool
    round: int
    order: int
    caller: Caller = NOBODY
    turn: asyncio.Future[None] | None = None
    wants: int = 1
    """Tokens until it is called back."""
    has: int = 0
    left: bool = False
    since: float = 0.0
    """Loop time from which on it waits to be called back."""

    @property
    def rank(self) -> tuple[Priority, bool, int, int]:
        """Who is served first; *begun* before others, and the tenants in rounds."""
        return self.priority, not self.begun, self.round, self.order

    @property
    def waits(self) -> bool:
        """True if it still does."""
        return not self.left and (self.turn is None or not self.turn.done())

    def __lt__(self, other: "Place") -> bool:
        return self.rank < other.rank


@dataclass(slots=True)
class Rounds:
    """Of one priority: a tenant's next place is in the next round, whoever else has how many."""

    served: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def next_of(self, tenant: str) -> int:
        """Return the round of a tenant's next place, and note that it is taken."""
        number = max(self.served, self.last.get(tenant, 0)) + 1
        self.last[tenant] = number
        return number

    def note(self, number: int) -> None:
        """Note that one of a round was served."""
        self.served = max(self.served, number - 1)
        if len(self.last) > IDLE_ABOVE:
            self.last = {each: of for each, of in self.last.items() if of > self.served}
