"""
The objects as the page takes them, how each stands, and which of them are asked for. Pure.

`Moment` is how every time is shown: exactly, and how far it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from rds_ssl.commands.formatting import span
from rds_ssl.commands.page.query import Query, Sort, State
from rds_ssl.commands.views import ObjectView, Pending, pending_of
from rds_ssl.core.api.conditions import CERTIFICATE_EXPIRING, READY, RECONCILING, STALLED
from rds_ssl.core.api.maintenance import Maintenance
from rds_ssl.core.api.spec import parse_spec
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.formats import write_time

_NEVER = datetime.max.replace(tzinfo=UTC)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as people and programs read it."""

    iso: str
    text: str
    """``2026-11-24 03:00`` in UTC."""
    far: str
    """``in 3d 4h`` or ``2d ago``."""
    past: bool

    @classmethod
    def of(cls, time: datetime | None, now: datetime) -> Self | None:
        """Describe *time*; None for None."""
        if time is None:
            return None
        past = time <= now
        far = f"{span(now - time)} ago" if past else f"in {span(time - now)}"
        text = time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        return cls(iso=write_time(time), text=text, far=far, past=past)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An object with what its spec says of restarts."""

    seen: ObjectView
    region: str
    maintenance: Maintenance
    """Without windows as well where the spec cannot be read."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self:
        """Read what the API server gave."""
        spec = manifest.get("spec") or {}
        try:
            maintenance = parse_spec(spec).maintenance
        except DeclarationError:  # One of its conditions says why.
            maintenance = Maintenance()
        return cls(
            seen=ObjectView.of(manifest),
            region=str(spec.get("regionID") or ""),
            maintenance=maintenance,
        )

    @property
    def plans(self) -> list[Pending]:
        """The plans that are held, or about to be sent."""
        return [each for each in pending_of([self.seen]) if not each.under_way]

    @property
    def end(self) -> datetime | None:
        """When the server certificate in force expires."""
        observed = self.seen.status.observed
        if observed is None or not observed.enabled:
            return None
        leaf = observed.server_certificate
        return observed.expire_time or (leaf.not_after if leaf else None)

    @property
    def changed(self) -> datetime | None:
        """When the last change ended."""
        history = self.seen.status.history
        return history[0].time if history else None

    def is_true(self, kind: str) -> bool:
        """True if it has a condition of that type that is True."""
        found = self.seen.status.condition(kind)
        return found is not None and found.status == "True"

    def states(self, now: datetime) -> tuple[State, ...]:
        """Return all states that it is in, the most urgent first; there is always one."""
        return tuple(self._states(now)) or (State.UNKNOWN,)

    def _states(self, now: datetime) -> Iterator[State]:
        status = self.seen.status
        if self.is_true(STALLED):
            yield State.STALLED
        if any(each.reason for each in self.plans):
            yield State.HELD
        if self.is_true(CERTIFICATE_EXPIRING) or (self.end is not None and self.end <= now):
            yield State.EXPIRING
        if self.seen.in_flight or self.is_true(RECONCILING):
            yield State.WORKING
        ready = status.condition(READY)
        if ready is None or ready.status == "Unknown" or not self.seen.up_to_date:
            yield State.UNKNOWN
        elif ready.status == "True":
            yield State.READY


def chosen(items: Iterable[Item], query: Query, now: datetime) -> list[Item]:
    """Return those that are asked for, sorted as they are."""
    found = [each for each in items if _is_chosen(each, query, now)]
    by_name = sorted(found, key=lambda each: (each.seen.namespace, each.seen.name))
    match query.sort:
        case Sort.NAME:
            return by_name
        case Sort.EXPIRY:
            return sorted(by_name, key=lambda each: each.end or _NEVER)
        case Sort.CHANGE:
            return sorted(by_name, key=lambda each: each.changed or _LONG_AGO, reverse=True)
        case Sort.URGENCY:
            ranks = {state: rank for rank, state in enumerate(State)}
            return sorted(
                by_name, key=lambda each: (ranks[each.states(now)[0]], each.end or _NEVER)
            )


def _is_chosen(item: Item, query: Query, now: datetime) -> bool:
    if query.namespace and item.seen.namespace != query.namespace:
        return False
    if query.state and query.state not in item.states(now):
        return False
    wanted = query.text.casefold()
    return not wanted or any(wanted in each.casefold() for each in _texts(item))


def _texts(item: Item) -> Iterator[str]:
    """Yield what is looked through."""
    seen = item.seen
    yield from (seen.title, seen.instance_id, item.region)
    instance, observed = seen.status.instance, seen.status.observed
    if instance is not None:
        yield from (instance.endpoint or "", instance.engine or "", instance.engine_version or "")
    if observed is not None:
        yield observed.connection_string or ""
        if leaf := observed.server_certificate:
            yield from (leaf.subject or "", leaf.issuer or "", leaf.sha256, *leaf.dns_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A page of a list: which one it is, and what stands on it."""

    number: int
    pages: int
    first: int
    """Of all, counted from 1; 0 if there is none."""
    last: int
    total: int

    @classmethod
    def of(cls, total: int, *, page: int, size: int) -> Self:
        """Choose a page; beyond the end it is the last one."""
        pages = max(1, -(-total // size))
        number = min(page, pages)
        first = (number - 1) * size
        return cls(
            number=number,
            pages=pages,
            first=min(first + 1, total),
            last=min(first + size, total),
            total=total,
        )

    def cut(self, whole: Sequence[Any]) -> Sequence[Any]:
        """Return what of *whole* stands on the page."""
        return whole[max(0, self.first - 1) : self.last]
