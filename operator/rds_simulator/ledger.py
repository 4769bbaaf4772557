"""
What was called, and how often: names of parameters, and the values of those that are no secret.

Times of entries are the instances' (moved) time, so that they can be compared with what Describe
shows; rates are measured in the caller's time, which nobody moves.
"""

import itertools
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_ENTRIES = 200_000
"""Older ones are dropped; counters keep counting. About 100 MB."""

OPEN_PARAMETERS = frozenset(
    {
        "SSLEnabled",
        "ConnectionString",
        "CAType",
        "ClientCAEnabled",
        "ClientCrlEnabled",
        "ACL",
        "ReplicationACL",
        "ForceEncryption",
        "TlsVersion",
        "Certificate",
    }
)
"""Parameters of ModifyDBInstanceSSL whose values are kept. Never add one that may hold PEM."""

MAX_VALUE = 300
"""Characters of a value that are kept: a host name, bucket and file fit."""

NOBODY = "(not verified)"
"""Whom calls are counted for whose caller was not proved."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One call of the API."""

    time: datetime
    action: str
    instance: str
    access_key: str
    """As claimed, verified or not."""
    principal: str = ""
    """ARN of who called, proved by signature or token; empty if that failed."""
    role: str = ""
    """The role that a call of STS asks for, as claimed; empty for other operations."""
    query_parameters: tuple[str, ...]
    """Names, sorted."""
    body_parameters: tuple[str, ...]
    values: Mapping[str, str]
    """Values of `OPEN_PARAMETERS`, see `open_values`."""
    status: int | None
    """HTTP status; None: the connection was cut."""
    code: str
    """The error's code, ``OK``, or the kind of a fault that replaced the answer."""
    key_in_url: bool
    """A private key, password or identity token stood in the query string."""
    accepted: bool
    """A change was accepted, whatever the caller was told."""

    @property
    def place(self) -> str:
        """Where the parameters came: ``query``, ``body``, ``both`` or ``none``."""
        places = [bool(self.query_parameters), bool(self.body_parameters)]
        return {(1, 0): "query", (0, 1): "body", (1, 1): "both"}.get(
            (int(places[0]), int(places[1])), "none"
        )


def open_values(parameters: Mapping[str, str]) -> dict[str, str]:
    """Values that may be kept; PEM under a wrong name is not, and a long value is cut."""
    return {
        name: "(PEM)" if "-----" in value else value[:MAX_VALUE]
        for name, value in sorted(parameters.items())
        if name in OPEN_PARAMETERS
    }


class Ledger:
    """All calls since it was made."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self.by_action: Counter[tuple[str, str]] = Counter()
        """By operation and code."""
        self.by_principal: Counter[tuple[str, str, str]] = Counter()
        """By who called (ARN), operation and code."""
        self.by_role: Counter[tuple[str, str, str]] = Counter()
        """Calls of STS, by role, operation and code."""
        self.highest_rate: dict[str, int] = {}
        """Most calls within any second, by access key."""
        self.keys_in_url = 0
        self._recent: dict[str, deque[datetime]] = {}

    @property
    def next(self) -> int:
        """The number that the next entry will have; the first has 0, dropped ones keep theirs."""
        return self.by_action.total()

    def since(self, number: int) -> Iterator[Entry]:
        """Entries with that number and later ones, oldest first; dropped ones are left out."""
        dropped = self.next - len(self.entries)
        start = min(max(number - dropped, 0), len(self.entries))
        return itertools.islice(self.entries, start, None)

    def record(self, entry: Entry, now: datetime) -> None:
        """Add a call; *now* is the caller's time, which rates are measured in."""
        self.entries.append(entry)
        self.by_action[entry.action, entry.code] += 1
        self.by_principal[entry.principal or NOBODY, entry.action, entry.code] += 1
        if entry.role:
            self.by_role[entry.role, entry.action, entry.code] += 1
        self.keys_in_url += entry.key_in_url
        recent = self._recent.setdefault(entry.access_key, deque())
        recent.append(now)
        while now - recent[0] >= _SECOND:
            recent.popleft()
        highest = self.highest_rate.get(entry.access_key, 0)
        self.highest_rate[entry.access_key] = max(highest, len(recent))


class RateLimit:
    """A bucket per access key and operation, one second's worth deep."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], tuple[float, datetime]] = {}

    def allows(self, key_id: str, action: str, rate: float, now: datetime) -> bool:
        """Take a token; *rate* is in calls per second."""
        depth = max(rate, 1.0)
        level, since = self._buckets.get((key_id, action), (depth, now))
        level = min(depth, level + max((now - since).total_seconds(), 0.0) * rate)
        allowed = level >= 1.0
        self._buckets[key_id, action] = (level - 1.0 if allowed else level, now)
        return allowed
