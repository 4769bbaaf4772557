"""
The scenario: everything that people, cert-manager, the vendor and accidents do in the year.

It is drawn from a seed before anything is played, so that it is the same whoever reacts to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from year.fleet import LIFETIME, RENEWED_AFTER, TEAMS, Member
from year.windows import WINDOWS, Window

Json = dict[str, Any]

HOUR = 3600.0
DAY = 24 * HOUR

MONTH = 30
"""Days between two edits of a spec, and between two crashes, on average."""

LATE = 0.03
"""Of the renewals: cert-manager was out of order, and comes two days before the end."""

MEANINGLESS = 0.15
"""Of the edits: nothing of it concerns the cloud."""

OF_REPLICATION = 0.3
"""Of the edits of a PostgreSQL: replicationACL instead of acl."""

OF_TLS = 0.6
"""Of the edits of a SQL Server: the TLS minimum instead of forced encryption."""

MEDDLED = 0.3
"""Foreign changes of an instance in a year."""

TRUST_CHANGES, APART = ((0.16, 0.25), (0.66, 0.75)), 0.014
"""
When in the year the first team's CA is changed: the old one and the new one, then the new one
alone; and how much later each further team follows.
"""

APPROVED, REFUSED = 0.6, 0.25
"""Of the edits that weaken something; the rest is left unanswered until the next edit."""

OUTAGES = ((0.31, 4), (0.73, 2))
"""When in the year the API of the cloud does not answer, and for how many hours of a whole one."""

SHANGHAI = 19
"""The hour, UTC, of a Friday at which a window opens; the year begins with a Friday."""

Fate = Literal["approved", "refused", "unanswered"]

DEMANDS = {
    "prefer": frozenset[str](),
    "cert": frozenset({"certificate", "name"}),
    "verify-ca": frozenset({"certificate", "password"}),
    "verify-full": frozenset({"certificate", "name", "password"}),
}
"""By ACL: what a client has to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that happens *at* so many seconds from the beginning."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew(Deed):
    """cert-manager writes a new certificate into a Secret."""

    member: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Deed):
    """Somebody edits a spec; *fate* is what the DBA says if asked to approve it."""

    member: Member
    spec: Json
    fate: Fate = "approved"
    window: Window | None = None
    """The new window, if it is what was edited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust(Deed):
    """A team's shared CA: generation *number*, beside the one before it if *both*."""

    team: str
    number: int
    both: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Meddle(Deed):
    """Somebody changes an instance in the console."""

    member: Member
    ssl: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage(Deed):
    """The API of the cloud stops answering, or is back."""

    down: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(Deed):
    """The operator's process dies after so many more requests, and is started again."""

    after: int


def first_renewal(member: Member, *, seed: int) -> float:
    """Give the day of the first renewal: the certificate of the first day was RENEWED_AFTER old."""
    return _random(seed, "renewals", member.number).uniform(0.5, RENEWED_AFTER)


def scenario(fleet: tuple[Member, ...], *, seed: int, days: int) -> list[Deed]:
    """Draw it; in a shorter year all that comes twice comes sooner, and outages are shorter."""
    drawn: list[Deed] = []
    for member in fleet:
        drawn += _renewals(member, seed, days)
        drawn += _edits(member, _random(seed, "edits", member.number), days)
        drawn += _meddling(member, _random(seed, "meddling", member.number), days)
    drawn += _trust(days)
    drawn += _accidents(_random(seed, "accidents", 0), days)
    return sorted((each for each in drawn if each.at < days * DAY), key=lambda each: each.at)


def _random(seed: int, what: str, number: int) -> Random:
    return Random(f"{seed}/{what}/{number}")  # noqa: S311  # A year can be repeated.


def _renewals(member: Member, seed: int, days: int) -> Iterator[Deed]:
    if not member.has_pair:
        return
    random = _random(seed, "lateness", member.number)
    day = first_renewal(member, seed=seed)
    while day < days:
        yield Renew(at=day * DAY, member=member)
        late = random.random() < LATE
        day += LIFETIME - 2 if late else RENEWED_AFTER


def _edits(member: Member, random: Random, days: int) -> Iterator[Deed]:
    settings = {"acl": "verify-ca", "replicationACL": "prefer", "tls": "1.0", "forced": "no"}
    for month in range(0, days, MONTH):
        day = month + random.uniform(1, MONTH - 6)
        if member.kind == "vendor" or random.random() < MEANINGLESS:
            window = random.choice(WINDOWS)
            yield Edit(
                at=day * DAY,
                member=member,
                spec={"maintenance": window.declared()},
                window=window,
            )
            continue
        changed = _changed(member, settings, random)
        fate = _fate(random) if weakens(settings, changed) else "approved"
        yield Edit(at=day * DAY, member=member, spec=_spec(member, changed), fate=fate)
        if fate == "refused":
            # Whoever wanted it takes it back, within days.
            back = day + random.uniform(1, 4)
            yield Edit(at=back * DAY, member=member, spec=_spec(member, settings))
        else:
            settings = changed


def _changed(member: Member, settings: dict[str, str], random: Random) -> dict[str, str]:
    def other(name: str, values: tuple[str, ...]) -> dict[str, str]:
        left = [each for each in values if each != settings[name]]
        return {**settings, name: random.choice(left)}

    if member.kind == "clients":
        name = "replicationACL" if random.random() < OF_REPLICATION else "acl"
        return other(name, tuple(DEMANDS))
    if member.profile.startswith("sqlserver") and random.random() < OF_TLS:
        return other("tls", ("1.1", "1.2"))
    return other("forced", ("no", "yes"))


def _fate(random: Random) -> Fate:
    draw = random.random()
    if draw < APPROVED:
        return "approved"
    return "refused" if draw < APPROVED + REFUSED else "unanswered"


def weakens(before: dict[str, str], after: dict[str, str]) -> bool:
    """Whether an edit takes a demand away."""
    return (
        any(not DEMANDS[before[name]] <= DEMANDS[after[name]] for name in ("acl", "replicationACL"))
        or after["tls"] < before["tls"]
        or after["forced"] < before["forced"]
    )


def _spec(member: Member, settings: dict[str, str]) -> Json:
    if member.kind == "clients":
        acls = {name: settings[name] for name in ("acl", "replicationACL")}
        return {"clientAuthentication": acls}
    spec: Json = {"forceEncryption": settings["forced"] == "yes"}
    if member.profile.startswith("sqlserver") and settings["tls"] != "1.0":
        spec["minimumTLSVersion"] = settings["tls"]
    return spec


def _meddling(member: Member, random: Random, days: int) -> Iterator[Deed]:
    if member.kind == "vendor" or random.random() > MEDDLED * days / 365:
        return
    at = random.uniform(1, days - 1) * DAY
    ssl: Json = {"force_encryption": random.random() < 0.5}
    if member.kind == "clients":
        ssl = {"acl": random.choice(tuple(DEMANDS))}
    yield Meddle(at=at, member=member, ssl=ssl)


def _trust(days: int) -> Iterator[Deed]:
    for index, team in enumerate(TEAMS):
        for number, (both, alone) in enumerate(TRUST_CHANGES, start=1):
            for share, is_both in ((both, True), (alone, False)):
                at = (share + index * APART) * days * DAY
                yield Trust(at=at, team=team, number=number, both=is_both)


def _accidents(random: Random, days: int) -> Iterator[Deed]:
    for share, hours in OUTAGES:
        begin = (share * days // 7) * 7 * DAY + (SHANGHAI - 0.5) * HOUR
        yield Outage(at=begin, down=True)
        yield Outage(at=begin + hours * HOUR * days / 365, down=False)
    for month in range(0, days, MONTH):
        # One month anywhere, the next while changes are at work.
        day = random.uniform(month, month + MONTH)
        if (month // MONTH) % 2:
            day = month // 7 * 7 + 7 + random.uniform(SHANGHAI, SHANGHAI + 1) / 24
        yield Crash(at=day * DAY, after=random.randrange(20))
