"""What happened, noted from the cloud's own truth: accepted calls, restarts, ends of changes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rds_simulator.machine import Event, Settings
from support.call_facts import meaning
from support.engine_world import EngineWorld
from year.fleet import DAY, Member
from year.scenario import DEMANDS
from year.windows import Window

URGENT = timedelta(hours=72)
"""`overrideBeforeExpiry` of every object."""

RENEW_BEFORE = timedelta(hours=720)
"""`renewBefore` of every object whose certificate is renewed by a call."""

ENDS = frozenset({"succeeded", "failed", "half-applied"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A change that the cloud accepted; it ends at *ends*."""

    member: Member
    at: datetime
    before: Settings
    target: Settings
    window: Window
    """The one that was declared then."""
    fails: bool

    @property
    def in_window(self) -> bool:
        """Whether it was sent inside."""
        return self.window.admits(self.at)

    @property
    def by_expiry(self) -> bool:
        """Whether what was in force, and is replaced, was about to expire."""
        before, after = self.before, self.target
        ends = [before.expires_at] if before.server != after.server else []
        if before.client_ca and before.client_ca != after.client_ca:
            ends += before.client_ca.not_after
        return any(end is not None and end - self.at <= URGENT for end in ends)

    @property
    def is_needless(self) -> bool:
        """Whether nothing differed, and no certificate of the cloud was due to be renewed."""
        end = self.before.expires_at
        due = self.member.kind == "renewed" and end is not None and end - self.at <= RENEW_BEFORE
        return not due and meaning(self.before) == meaning(self.target)

    def held_impacts(self) -> Iterator[str]:
        """Name what a person has to approve."""
        before, after = self.before, self.target
        if not before.enabled:
            return
        if not after.enabled:
            yield "Weakens"
            return
        if before.client_ca and not after.client_ca:
            yield "Weakens"
        if before.ca_type == "custom" != after.ca_type:
            yield "Weakens"
        if before.force_encryption and not after.force_encryption:
            yield "Weakens"
        if after.tls_version < before.tls_version:
            yield "Weakens"
        acls = ((before.acl, after.acl), (before.replication_acl, after.replication_acl))
        if before.client_ca and any(not DEMANDS[old] <= DEMANDS[new] for old, new in acls):
            yield "Weakens"
        old, new = (
            set(each.client_ca.sha256 if each.client_ca else ()) for each in (before, after)
        )
        if old - new and (new or any(each != "prefer" for pair in acls for each in pair)):
            yield "DropsTrust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A change from acceptance to its end."""

    member: Member
    begin: datetime
    end: datetime


@dataclass(slots=True)
class Metrics:
    """Kept once a day, so that nothing grows: the simulator remembers 100 events of an instance."""

    members: Mapping[str, Member]
    """By the id of the instance."""
    windows: dict[str, list[tuple[datetime, Window]]]
    """By the id of the instance: from when which window was declared."""
    calls: list[Call] = field(default_factory=list)
    restarts: list[tuple[datetime, Member]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    """Calls of the API, by operation."""
    _open: dict[str, datetime] = field(default_factory=dict)
    _seen: dict[str, datetime] = field(default_factory=dict)

    def keep(self, world: EngineWorld) -> None:
        """Note what happened since the last time, and let the world forget it."""
        for each in world.accepted:
            member = self.members[each.instance_id]
            at = world.time_of(each.at)
            self.calls.append(
                Call(
                    member=member,
                    at=at,
                    before=each.before,
                    target=each.target,
                    window=self._window(each.instance_id, at),
                    fails=each.fails,
                )
            )
        cloud = world.rds.cloud.world
        cloud.all(world.clock())
        for instance_id, member in self.members.items():
            self._note(member, cloud.events(instance_id))
        self.requests.update(each["action"] for each in world.rds.calls())
        world.forget()

    def _note(self, member: Member, events: list[Event]) -> None:
        known = member.instance_id
        seen = self._seen.get(known)
        for each in events:
            if seen is not None and each.at <= seen:
                continue
            self._seen[known] = each.at
            if each.what == "restarted":
                self.restarts.append((each.at, member))
            if each.what == "accepted":
                self._open.setdefault(known, each.at)
            if each.what in ENDS:
                begin = self._open.pop(known)
                self.spans.append(Span(member=member, begin=begin, end=each.at))

    def _window(self, instance_id: str, at: datetime) -> Window:
        return next(window for since, window in reversed(self.windows[instance_id]) if since <= at)

    def check(self, world: EngineWorld) -> None:
        """
        Compare with the counters of the instances.

        Raises:
            ValueError: Something was missed.
        """
        every = world.rds.cloud.world.all(world.clock())
        truth = sum(each.accepted for each in every), sum(each.restarts for each in every)
        if truth != (len(self.calls), len(self.restarts)):
            raise ValueError(f"{len(self.calls)} calls, {len(self.restarts)} restarts, not {truth}")

    # -- what came of it ----------------------------------------------------------------------

    def most_of_one(self) -> int:
        """Give the most restarts of one instance."""
        return max(Counter(each.instance_id for _, each in self.restarts).values(), default=0)

    def caused_by(self) -> list[tuple[datetime, Call]]:
        """Pair each restart with the accepted call that it came of."""
        calls: dict[str, list[Call]] = {}
        for each in self.calls:
            calls.setdefault(each.member.instance_id, []).append(each)
        return [
            (at, next(call for call in reversed(calls[member.instance_id]) if call.at <= at))
            for at, member in self.restarts
        ]

    def most_at_once(self) -> tuple[int, int]:
        """Give the most instances in change at a time: of all, and of one primary with replicas."""
        moments = [(each.begin, 1, each.member) for each in self.spans]
        moments += [(each.end, -1, each.member) for each in self.spans]
        # What ends at a time makes room for what begins at it.
        moments.sort(key=lambda each: each[:2])
        now, most, most_of_primary = 0, 0, 0
        by_primary: Counter[str] = Counter()
        for _, step, member in moments:
            primary = member.primary or member.instance_id
            now += step
            by_primary[primary] += step
            most, most_of_primary = max(most, now), max(most_of_primary, by_primary[primary])
        return most, most_of_primary

    def most_in_a_day(self) -> int:
        """Give the most restarts of one instance within any 24 hours."""
        times: dict[str, list[datetime]] = {}
        for at, member in self.restarts:
            times.setdefault(member.instance_id, []).append(at)
        return max(
            (
                sum(1 for other in each if timedelta() <= other - first < DAY)
                for each in times.values()
                for first in each
            ),
            default=0,
        )
