"""The plans that are pending: what each does, how it is let go, and which restart when. Pure."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from rds_ssl.commands.page.items import Item, Moment
from rds_ssl.commands.plans import (
    OPENINGS,
    approval,
    resumption,
    way_out_words,
)
from rds_ssl.commands.views import (
    NOW,
    UNDER_WAY,
    WHEN_LET_GO,
    Opening,
    Pending,
    opening,
    pending_of,
    why_not_approvable,
)
from rds_ssl.core import windows
from rds_ssl.core.api.maintenance import Maintenance
from rds_ssl.core.api.status import ChangeStatus
from rds_ssl.core.model import Impact, Reason, Restart

IMPACTS: Mapping[Impact, str] = {
    Impact.RESTART: "restarts the database, for minutes",
    Impact.WEAKENS: "lowers the security",
    Impact.DROPS_TRUST: "locks out the clients of a CA",
    Impact.MOVES_ENDPOINT: "protects another endpoint",
    Impact.TIGHTENS: "refuses clients that do not comply",
    Impact.TRUST_CHANGES: "refused by clients that pin the issuer",
}
"""What each does to those who use the database; docs/conditions.md, "The plan in status"."""

_RESTARTS: Mapping[Restart, str] = {
    Restart.EXPECTED: "restarts the database",
    Restart.UNKNOWN: "may restart the database",
    Restart.NONE: "no restart",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When a plan may start."""

    at: Moment | None
    words: str
    """Where there is no time, or what else it takes."""

    @classmethod
    def of(cls, when: Opening, now: datetime, *, one: bool = False) -> Self:
        """Describe it; of *one* plan, or of several."""
        them = "it" if one else "them"
        if not when.at:
            return cls(at=None, words=OPENINGS[when].replace("them", them))
        at = Moment.of(datetime.fromtimestamp(when.at, UTC), now)
        late = f"if a person lets {them} go before" if when > WHEN_LET_GO else ""
        return cls(at=at, words=late)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCard:
    """A plan with all that a person needs in order to decide."""

    item: Item
    digest: str
    cause: str
    summary: str
    steps: Sequence[Sequence[ChangeStatus]]
    """By call; empty where the status does not tell them, and the summary does."""
    impacts: Sequence[tuple[str, str]]
    """Each with what it does."""
    restart: str
    """Whether it restarts the database, where the impacts do not say all of it; else empty."""
    reason: str
    """What holds it; empty if nothing does."""
    why: str
    """What its condition says, but for the summary."""
    since: Moment | None
    start: "Start"
    advice: str
    command: str
    """What lets it go, for a shell; empty if no command does."""
    ahead: bool
    outdated: bool


def plan_cards(items: Iterable[Item], now: datetime, flags: Sequence[str] = ()) -> list[PlanCard]:
    """
    Return the plans that were not sent yet: first those that a command lets go, then by age.

    Args:
        flags: What the commands have to say so that they reach the same cluster.
    """
    found = [(item, pending) for item in items for pending in item.plans]
    cards = [_card(item, pending, now, flags) for item, pending in found]
    return sorted(
        cards,
        key=lambda each: (not each.command, each.since.iso if each.since else "~"),
    )


def _card(item: Item, pending: Pending, now: datetime, flags: Sequence[str]) -> PlanCard:
    plan, seen = pending.plan, item.seen
    return PlanCard(
        item=item,
        digest=plan.digest,
        cause=plan.cause or "",
        summary=plan.summary,
        steps=[each.changes for each in plan.steps],
        impacts=[(each.value, IMPACTS[each]) for each in plan.impacts],
        restart=_restart_words(pending),
        reason=pending.reason,
        why=_why(pending),
        since=Moment.of(plan.since, now),
        start=Start.of(opening(pending, now), now, one=True),
        advice=way_out_words(pending),
        command=_command(pending, flags),
        ahead=pending.ahead,
        outdated=not seen.up_to_date,
    )


def _why(pending: Pending) -> str:
    """Return what the condition says that is not said of the plan beside it."""
    if not pending.reason:
        return ""
    return pending.message.removeprefix(pending.plan.summary).strip() or pending.message


def _restart_words(pending: Pending) -> str:
    words = _RESTARTS[pending.plan.restart]
    if pending.restarts > 1:
        return f"{words}, up to {pending.restarts} times"
    told = pending.plan.restart is Restart.EXPECTED and Impact.RESTART in pending.plan.impacts
    return "" if told else words


def _command(pending: Pending, flags: Sequence[str]) -> str:
    if pending.reason == Reason.SUSPENDED:
        return shlex.join(resumption(pending, flags))
    if why_not_approvable(pending, pending.seen, pending.plan.digest) is None:
        return shlex.join(approval(pending, flags))
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A time at which restarts may come."""

    start: Start
    until: Moment | None
    """Nothing is started from then on; None: not known, or no end."""
    window: str
    """The schedules it comes from; empty: no window bounds it."""
    restarts: int
    items: Sequence[Item]
    """An object for each plan."""


def slots(items: Iterable[Item], now: datetime) -> list[Slot]:
    """Return when how many restarts may come, at most, in the order in which they do."""
    groups: dict[tuple[Opening, str, datetime | None], list[tuple[Item, Pending]]] = {}
    known: dict[tuple[Maintenance, datetime], tuple[str, datetime | None]] = {}
    for item in items:
        for pending in pending_of([item.seen]):
            if not pending.restarts:
                continue
            when = opening(pending, now)
            at = datetime.fromtimestamp(when.at, UTC) if when.at else now
            asked = item.maintenance, at
            if asked not in known:
                known[asked] = window(item.maintenance, at)
            words, until = ("", None) if when == UNDER_WAY else known[asked]
            bounded = until if when == NOW or when.at else None
            groups.setdefault((when, words, bounded), []).append((item, pending))
    return [
        Slot(
            start=Start.of(when, now),
            until=Moment.of(until, now),
            window=words,
            restarts=sum(pending.restarts for _, pending in group),
            items=[item for item, _ in group],
        )
        for (when, words, until), group in sorted(groups.items(), key=lambda each: each[0][:2])
    ]


def window(maintenance: Maintenance, at: datetime) -> tuple[str, datetime | None]:
    """Return the windows in words, and until when a change may start if one is open at *at*."""
    if not windows.is_bound(maintenance):
        return "", None
    if maintenance.use_instance_window:
        return "the instance's own maintenance time", None
    words = windows.window_words(maintenance, "")
    if any(windows.schedule_errors(maintenance)):
        return words, None
    found = windows.opening(maintenance, "", now=at)
    return words, found.last_start if found and found.is_open(at) else None


def next_window(maintenance: Maintenance, now: datetime) -> windows.Opening | None:
    """Return the window of now or the next one; None if there is none, or RDS alone knows it."""
    bound = windows.is_bound(maintenance) and not maintenance.use_instance_window
    if not bound or any(windows.schedule_errors(maintenance)):
        return None
    return windows.opening(maintenance, "", now=now)
