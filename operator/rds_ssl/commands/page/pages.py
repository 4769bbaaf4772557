"""What stands on each page, as values that a template only has to lay out. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from rds_ssl.commands.page.certificates import Certificate, Kind, certificates_of
from rds_ssl.commands.page.items import Item, Moment, Part, chosen
from rds_ssl.commands.page.query import Query, State
from rds_ssl.commands.page.restarts import PlanCard, Slot, next_window, plan_cards, slots, window
from rds_ssl.commands.page.timeline import LifeLine, YearLine, life_line, year_line, year_share
from rds_ssl.core.api.conditions import READY, STALLED
from rds_ssl.core.api.status import Condition, HistoryEntry
from rds_ssl.core.planning.fields import ROWS

ROWS_SHOWN = 50
"""Instances, or changes, on a page."""

CARDS_SHOWN = 20
"""Plans on the page of plans."""

FIRST_STALLED, FIRST_CARDS, FIRST_CHANGES = 5, 3, 8
"""Stalled objects, plans and changes on the first page, which leads to all of them."""

LABELS: Mapping[State, tuple[str, str]] = {
    State.STALLED: ("Stalled", "a person has to act"),
    State.HELD: ("Held", "a plan waits"),
    State.EXPIRING: ("Expiring", "soon, or already"),
    State.WORKING: ("Working", "goes on by itself"),
    State.UNKNOWN: ("Not known", "no word of RDS or of the operator"),
    State.READY: ("Ready", "as it is declared"),
}
"""A state in a word, and what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was read of the cluster, when, and of what part of it."""

    items: Sequence[Item]
    leader: Sequence[str]
    """Who works, in sentences."""
    now: datetime
    server: str
    """URL of the API server."""
    namespace: str
    """Empty: all."""
    flags: Sequence[str] = ()
    """What a command has to say so that it reaches the same cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around every page."""

    query: Query
    now: Moment
    server: str
    namespace: str
    namespaces: Sequence[str]
    """Those that objects are in."""
    leader: Sequence[str]
    total: int

    @classmethod
    def of(cls, snapshot: Snapshot, query: Query) -> Self:
        """Describe what was read."""
        now = Moment.of(snapshot.now, snapshot.now)
        assert now is not None  # noqa: S101  # For mypy: it is None of None alone.
        return cls(
            query=query,
            now=now,
            server=snapshot.server,
            namespace=snapshot.namespace,
            namespaces=sorted({each.seen.namespace for each in snapshot.items}),
            leader=snapshot.leader,
            total=len(snapshot.items),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """How many objects are in a state."""

    state: State | None
    """None: all of them."""
    label: str
    hint: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An object as a line of the table."""

    item: Item
    states: Sequence[State]
    reason: str
    """That of Ready."""
    ready: str
    engine: str
    endpoint: str
    certificate: Certificate | None
    others: int
    """Certificates and lists in force beside it."""
    share: float | None
    """Of a year, in percent."""
    held: Sequence[str]
    """What holds its plans."""
    changed: Moment | None
    change: str

    @classmethod
    def of(cls, item: Item, now: datetime) -> Self:
        """Describe an object."""
        status = item.seen.status
        ready, instance = status.condition(READY), status.instance
        certificates = certificates_of(item, now)
        server = next((each for each in certificates if each.kind is Kind.SERVER), None)
        last = status.history[0] if status.history else None
        return cls(
            item=item,
            states=item.states(now),
            reason=ready.reason if ready else "",
            ready=ready.status if ready else "",
            engine=_engine(item),
            endpoint=(instance.endpoint or "") if instance else "",
            certificate=server,
            others=len(certificates) - (1 if server else 0),
            share=year_share(server.end, now) if server else None,
            held=[each.reason or "to be sent" for each in item.plans],
            changed=Moment.of(last.time, now) if last else None,
            change=f"{last.cause} {last.result}" if last else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A change of the past."""

    item: Item
    ended: Moment | None
    entry: HistoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledRow:
    """What a person has to do something about, as the operator says it."""

    item: Item
    condition: Condition
    since: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first page."""

    frame: Frame
    tiles: Sequence[Tile]
    stalled: Sequence[StalledRow]
    stalled_in_all: int
    line: YearLine
    slots: Sequence[Slot]
    restarts: int
    cards: Sequence[PlanCard]
    cards_in_all: int
    rows: Sequence[Row]
    part: Part
    changes: Sequence[ChangeRow]
    changes_in_all: int


def overview(snapshot: Snapshot, query: Query) -> Overview:
    """Return the first page."""
    now = snapshot.now
    items = chosen(snapshot.items, query, now)
    part = Part.of(len(items), page=query.page, size=ROWS_SHOWN)
    cards = plan_cards(items, now, snapshot.flags)
    stalled = _stalled(items, now)
    changes, coming = change_rows(items, now), slots(items, now)
    ends = ((each.seen.title, one) for each in items for one in certificates_of(each, now))
    return Overview(
        frame=Frame.of(snapshot, query),
        tiles=_tiles(snapshot, query),
        stalled=stalled[:FIRST_STALLED],
        stalled_in_all=len(stalled),
        line=year_line(ends, now),
        slots=coming,
        restarts=sum(each.restarts for each in coming),
        cards=cards[:FIRST_CARDS],
        cards_in_all=len(cards),
        rows=[Row.of(each, now) for each in part.cut(items)],
        part=part,
        changes=changes[:FIRST_CHANGES],
        changes_in_all=len(changes),
    )


def _stalled(items: Iterable[Item], now: datetime) -> list[StalledRow]:
    """Return the stalled objects, those first that have been so for longest."""
    found = [
        StalledRow(item=item, condition=each, since=Moment.of(each.last_transition_time, now))
        for item in items
        for each in item.seen.status.conditions
        if each.type == STALLED and each.status == "True"
    ]
    return sorted(found, key=lambda each: each.condition.last_transition_time)


def _tiles(snapshot: Snapshot, query: Query) -> list[Tile]:
    every = Query(namespace=query.namespace, text=query.text)
    items = chosen(snapshot.items, every, snapshot.now)
    found = [each.states(snapshot.now) for each in items]
    to_approve = sum(plan.approvable for each in items for plan in each.plans)
    tiles = [Tile(state=None, label="All", hint="instances", count=len(found))]
    for state, (label, meaning) in LABELS.items():
        count = sum(state in each for each in found)
        hint = f"{to_approve} to approve" if state is State.HELD and to_approve else meaning
        tiles.append(Tile(state=state, label=label, hint=hint, count=count))
    return tiles


def change_rows(items: Iterable[Item], now: datetime) -> list[ChangeRow]:
    """Return the changes that the objects remember, the newest first."""
    found = [(each.time, item, each) for item in items for each in item.seen.status.history]
    found.sort(key=lambda each: each[0], reverse=True)
    return [
        ChangeRow(item=item, ended=Moment.of(time, now), entry=entry) for time, item, entry in found
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The page of all plans."""

    frame: Frame
    slots: Sequence[Slot]
    restarts: int
    cards: Sequence[PlanCard]
    part: Part


def plans(snapshot: Snapshot, query: Query) -> Plans:
    """Return the page of all plans."""
    items = chosen(snapshot.items, query, snapshot.now)
    cards = plan_cards(items, snapshot.now, snapshot.flags)
    part = Part.of(len(cards), page=query.page, size=CARDS_SHOWN)
    coming = slots(items, snapshot.now)
    return Plans(
        frame=Frame.of(snapshot, query),
        slots=coming,
        restarts=sum(each.restarts for each in coming),
        cards=part.cut(cards),
        part=part,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The page of all changes that are remembered."""

    frame: Frame
    changes: Sequence[ChangeRow]
    part: Part


def changes(snapshot: Snapshot, query: Query) -> Changes:
    """Return the page of all changes."""
    found = change_rows(chosen(snapshot.items, query, snapshot.now), snapshot.now)
    part = Part.of(len(found), page=query.page, size=ROWS_SHOWN)
    return Changes(frame=Frame.of(snapshot, query), changes=part.cut(found), part=part)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneObject:
    """The page of one object."""

    frame: Frame
    row: Row
    conditions: Sequence[tuple[Condition, Moment | None]]
    certificates: Sequence[Certificate]
    line: LifeLine
    cards: Sequence[PlanCard]
    facts: Sequence[tuple[str, str]]
    settings: Sequence[tuple[str, str]]
    changes: Sequence[ChangeRow]


def one_object(snapshot: Snapshot, query: Query, namespace: str, name: str) -> OneObject | None:
    """Return the page of an object; None if there is none of that name."""
    now = snapshot.now
    item = next((each for each in snapshot.items if each.seen.title == f"{namespace}/{name}"), None)
    if item is None:
        return None
    certificates = certificates_of(item, now)
    return OneObject(
        frame=Frame.of(snapshot, query),
        row=Row.of(item, now),
        conditions=[
            (each, Moment.of(each.last_transition_time, now))
            for each in item.seen.status.conditions
        ],
        certificates=certificates,
        line=life_line(certificates, now),
        cards=plan_cards([item], now, snapshot.flags),
        facts=[each for each in _facts(item, now) if each[1]],
        settings=[each for each in _settings(item) if each[1]],
        changes=change_rows([item], now),
    )


def _facts(item: Item, now: datetime) -> list[tuple[str, str]]:
    seen, status = item.seen, item.seen.status
    words, _ = window(item.maintenance, now)
    coming = next_window(item.maintenance, now)
    opens = Moment.of(coming.start, now) if coming else None
    operation, applied = status.operation, status.applied
    began = Moment.of(operation.start_time, now) if operation else None
    applied_at = Moment.of(applied.time, now) if applied else None
    return [
        ("Instance", seen.instance_id),
        ("Region", item.region),
        ("Engine", _engine(item)),
        ("Endpoint", (status.instance.endpoint or "") if status.instance else ""),
        ("Suspended", "yes" if seen.suspended else ""),
        ("Kept in Git by", seen.kept_in_git_by),
        ("Looked at", "yes" if seen.up_to_date else "not since it was last changed"),
        ("Applied", f"{applied_at.text} ({applied_at.far})" if applied_at else "never"),
        (
            "Last call",
            f"{operation.phase}, began {began.far}, attempt {operation.attempt}"
            + (f", {operation.code}" if operation.code else "")
            if operation and began
            else "",
        ),
        ("Windows", words),
        (
            "Next window",
            f"{opens.text} ({'open now' if opens.past else opens.far})" if opens else "",
        ),
    ]


def _settings(item: Item) -> list[tuple[str, str]]:
    observed = item.seen.status.observed
    if observed is None:
        return []
    shown = ((row.label, row.shown(observed)) for row in ROWS.values() if row.label)
    return [
        ("SSL", "on" if observed.enabled else "off"),
        ("Certificate of", observed.ca_type.value if observed.ca_type else ""),
        ("Protected endpoint", observed.connection_string or ""),
        *((label, _word(value)) for label, value in shown),
        ("Renewal asked for", "yes" if observed.renewal_required else ""),
    ]


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value or "")


def _engine(item: Item) -> str:
    instance = item.seen.status.instance
    words = (instance.engine, instance.engine_version) if instance else ()
    return " ".join(each for each in words if each)
