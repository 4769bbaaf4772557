"""What a viewer asks a page for, read from the address, and written into links. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeVar
from urllib.parse import urlencode

MOST_TEXT = 253
"""Characters that are looked for: no name is longer."""

REFRESH_AT_LEAST, REFRESH_AT_MOST = 5, 3600
"""Seconds between two looks of a page that reloads itself."""

T = TypeVar("T", bound=StrEnum)


class State(StrEnum):
    """How an object stands, the most urgent first; it can be in several at once."""

    STALLED = "stalled"
    """A person has to act."""
    HELD = "held"
    """A plan is held back."""
    EXPIRING = "expiring"
    """Something in force expires soon, or has."""
    WORKING = "working"
    """Work goes on by itself."""
    UNKNOWN = "unknown"
    """Nobody knows: not looked at yet, or RDS does not answer."""
    READY = "ready"
    """What is declared is in force."""


class Sort(StrEnum):
    """By what the instances are sorted."""

    URGENCY = "urgency"
    NAME = "name"
    EXPIRY = "expiry"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for; whatever cannot be read in an address counts as not asked for."""

    namespace: str = ""
    state: State | None = None
    text: str = ""
    """Part of a name, an instance ID, an endpoint, a host name, a subject or an issuer."""
    sort: Sort = Sort.URGENCY
    page: int = 1
    refresh: int = 0
    """Seconds after which the page loads itself again; 0: it does not."""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """Read the parameters of an address."""
        refresh = _number(parameters.get("refresh", ""))
        return cls(
            namespace=parameters.get("namespace", "")[:MOST_TEXT].strip(),
            state=_member(State, parameters.get("state", "")),
            text=parameters.get("q", "")[:MOST_TEXT].strip(),
            sort=_member(Sort, parameters.get("sort", "")) or Sort.URGENCY,
            page=max(1, _number(parameters.get("page", ""))),
            refresh=min(max(refresh, REFRESH_AT_LEAST), REFRESH_AT_MOST) if refresh else 0,
        )

    @property
    def narrows(self) -> bool:
        """True if not all objects are asked for."""
        return bool(self.namespace or self.state or self.text)

    def link(self, path: str = "", **changes: object) -> str:
        """Return the address of the same with *changes*; of another choice the first page."""
        # mypy cannot see into the names of `replace`.
        other = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        pairs = {
            "namespace": other.namespace,
            "state": other.state.value if other.state else "",
            "q": other.text,
            "sort": other.sort.value if other.sort is not Sort.URGENCY else "",
            "page": str(other.page) if other.page > 1 else "",
            "refresh": str(other.refresh or ""),
        }
        return f"{path}?{urlencode({name: value for name, value in pairs.items() if value})}"

    def object_link(self, namespace: str, name: str) -> str:
        """Return the address of the page of one object."""
        return f"/object?{urlencode({'namespace': namespace, 'name': name})}"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _member(kind: type[T], text: str) -> T | None:
    return kind(text) if text in kind._value2member_map_ else None
