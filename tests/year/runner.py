"""A scenario played on a world: an operator reacts, a DBA approves, what happens is counted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

import httpx

from rds_simulator.faults import Fault, Faults
from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine.objects import Key
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import CREDENTIALS, EngineWorld
from support.line import Call
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET
from year.fleet import BEGINS, DAY, LIFETIME, RENEWED_AFTER, TEAMS, Member, authority
from year.metrics import Metrics
from year.ordinary import Ordinary
from year.scenario import Crash, Deed, Edit, Fate, Meddle, Outage, Renew, Trust, first_renewal

Json = dict[str, Any]

FAILING = 0.05
"""Of the accepted changes."""

CHANGE_SECONDS = 180.0
"""That an instance is at work on a change."""

AT_ONCE = 5
"""MAX_CONCURRENT_CHANGES."""

IN_A_DAY = 3
"""MAX_CHANGES_PER_DAY."""

PACE = Timings(
    # Looking less often than in production is what makes a year affordable; changes of objects and
    # Secrets are told at once all the same.
    resync=3 * 24 * 3600.0,
    limits=Limits(poll=90.0),
    max_changes_per_day=IN_A_DAY,
)

_ANSWERED = 0.4
"""How likely the DBA answers on a given day."""

_CLOUD_AGE = 330.0
"""Days that a cloud certificate has lived on the first day, at most."""

_ROUND = timedelta(hours=9)
"""After midnight, UTC: when the DBA looks at what waits."""

_PATIENCE = 60.0
"""Seconds after which a process dies although it has not made as many requests."""

_FOR_A_PERSON = frozenset({"AwaitingApproval", "NotConverging"})
"""Reasons of a hold that nothing but an approval ends."""

_STUCK = frozenset({"ApplyFailed", "ApplyTimedOut"})
"""Reasons of Stalled at which the DBA asks for one more attempt."""


class Luck(Faults):
    """Lets a share of the accepted changes fail: the same ones of each instance in every play."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self._accepted: Counter[str] = Counter()

    def take_ending(self, action: str, instance_id: str) -> Fault | None:
        """See `Faults.take_ending`."""
        del action
        self._accepted[instance_id] += 1
        draw = _random(self._seed, "failure", instance_id, self._accepted[instance_id])
        return Fault(kind="async-failed") if draw.random() < FAILING else None


class Operator(Protocol):
    """What reacts to the scenario."""

    def start(self) -> None:
        """Start a process."""

    def check(self) -> None:
        """Raise what it has fallen over, if it has."""


class WithGates:
    """The operator itself."""

    def __init__(self, world: EngineWorld) -> None:
        self._world = world

    def start(self) -> None:
        """See `Operator`."""
        self._world.start()

    def check(self) -> None:
        """See `Operator`."""
        for each in self._world.bugs:
            raise each


class WithoutGates:
    """The ordinary one."""

    def __init__(self, world: EngineWorld) -> None:
        self._world = world
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """See `Operator`."""
        self._task = asyncio.create_task(Ordinary(self._world).run())

    def check(self) -> None:
        """See `Operator`."""
        if self._task is not None and self._task.done():
            self._task.result()


@dataclass(slots=True)
class Diary:
    """What no book of the cloud knows: what waited, and what people did about it."""

    held: set[tuple[str, str, str]] = field(default_factory=set)
    """Object, digest of the plan, reason."""
    days_held: Counter[str] = field(default_factory=Counter)
    """Days that objects waited, by reason."""
    approved: list[tuple[datetime, Key]] = field(default_factory=list)
    asked: int = 0
    """Requests for one more attempt, after a failure."""
    spent: set[str] = field(default_factory=set)
    """Digests of approvals that were used up."""
    expired: Counter[bool] = field(default_factory=Counter)
    """Days of expired certificates in force, by whether a person was asked."""
    crashes: int = 0
    passes: int = 0


class Runner:
    """One play."""

    def __init__(
        self,
        world: EngineWorld,
        fleet: tuple[Member, ...],
        operator: Callable[[EngineWorld], Operator],
        *,
        seed: int,
    ) -> None:
        self.world, self.fleet, self.diary = world, fleet, Diary()
        self.operator = operator(world)
        self.metrics = Metrics(
            members={each.instance_id: each for each in fleet},
            windows={each.instance_id: [(BEGINS - DAY, each.window)] for each in fleet},
        )
        self._seed = seed
        self._keys = {each.key[1]: each.key for each in fleet}
        self._fates: dict[Key, Fate] = {}
        self._down = False
        self._issuer = authority("Server root").intermediate(
            extras=pki.Extras(not_before=BEGINS - 365 * DAY, not_after=BEGINS + 3650 * DAY)
        )
        self._client_cas: dict[tuple[str, int], pki.Authority] = {}

    async def play(self, scenario: list[Deed], *, days: int, told: Callable[[int], None]) -> None:
        """Play it to the end; *told* after each day."""
        self._set_the_scene()
        self.operator.start()
        left = list(reversed(scenario))
        for day in range(days):
            due = (day * DAY + _ROUND).total_seconds()
            while left and left[-1].at < due:
                await self._take(left.pop())
            await self._until(due)
            self._make_the_round(day)
            told(day + 1)
        while left:
            await self._take(left.pop())
        await self._until((days * DAY).total_seconds())
        self._keep()

    # -- the scene ----------------------------------------------------------------------------

    def _set_the_scene(self) -> None:
        world = self.world
        world.rds.cloud.world.faults = Luck(self._seed)
        world.rds.config(durations={"change": CHANGE_SECONDS, "acl": CHANGE_SECONDS, "window": 5})
        world.line.before.append(self._spoil)
        # The world's own looks at one namespace.
        world.line.after[:] = [self._note]
        for team in TEAMS:
            credentials = {
                "accessKeyId": ACCESS_KEY_ID.encode(),
                "accessKeySecret": ACCESS_KEY_SECRET.encode(),
            }
            world.kube.put_data("Secret", (team, CREDENTIALS), credentials)
            self._trust(team, (0,))
        for member in self.fleet:
            self._add(member)

    def _add(self, member: Member) -> None:
        rds, ssl = self.world.rds, {"enabled": True}
        body: Json = {"profile": member.profile}
        if member.primary:
            body["master_instance_id"] = member.primary
        if member.kind == "own":
            ssl["enabled"] = False  # Nobody could see whose certificate it has.
        if not member.has_pair:
            age = _random(self._seed, "age", member.key[1]).uniform(0, _CLOUD_AGE)
            rds.now -= timedelta(days=age)
        rds.put_instance(member.instance_id, **body, ssl=ssl)
        if member.has_pair:
            issued = first_renewal(member, seed=self._seed) - RENEWED_AFTER
            leaf = self._renew(member, BEGINS + timedelta(days=issued))
        if member.kind == "clients":
            trusted = self._client_ca(member.key[0], 0)
            self.world.rds.patch_instance(
                member.instance_id,
                ssl={
                    "server_cert": leaf.chain_pem.decode(),
                    "server_key": leaf.key_pem().decode(),
                    "client_ca": trusted.pem.decode(),
                    "acl": "verify-ca",
                },
            )
        self.world.kube.create(member.key, member.declared())

    # -- what happens -------------------------------------------------------------------------

    async def _take(self, deed: Deed) -> None:
        await self._until(deed.at)
        match deed:
            case Renew(member=member):
                self._renew(member, self.world.clock())
            case Edit(member=member, spec=spec, fate=fate, window=window):
                self.world.kube.edit(member.key, **spec)
                if window is not None:
                    since = self.world.clock(), window
                    self.metrics.windows[member.instance_id].append(since)
                else:
                    self._fates[member.key] = fate
            case Trust(team=team, number=number, both=both):
                self._trust(team, (number - 1, number) if both else (number,))
            case Meddle(member=member, ssl=ssl):
                self._meddle(member, ssl)
            case Outage(down=down):
                self._down = down
            case Crash(after=after):
                await self._crash(after)

    async def _until(self, at: float) -> None:
        left = at - (self.world.clock() - BEGINS).total_seconds()
        if left > 0:
            await self.world.run(left)

    def _renew(self, member: Member, issued: datetime) -> pki.Leaf:
        host = self.world.rds.cloud.world.get(member.instance_id, self.world.clock())
        assert host is not None
        start = issued.replace(microsecond=0)
        leaf = self._issuer.leaf(
            host.internal_host, not_before=start, not_after=start + timedelta(days=LIFETIME)
        )
        pair = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}
        self.world.kube.put_data("Secret", (member.key[0], member.secret), pair)
        return leaf

    def _client_ca(self, team: str, number: int) -> pki.Authority:
        key = team, number
        if key not in self._client_cas:
            self._client_cas[key] = authority(f"{team} clients {number}")
        return self._client_cas[key]

    def _trust(self, team: str, numbers: tuple[int, ...]) -> None:
        bundle = b"".join(self._client_ca(team, each).pem for each in numbers)
        self.world.kube.put_data("ConfigMap", (team, "client-ca"), {"ca.crt": bundle})

    def _meddle(self, member: Member, ssl: Json) -> None:
        known = self.world.rds.cloud.world.get(member.instance_id, self.world.clock())
        if known is not None and known.change is None:  # It takes one change at a time.
            self.world.rds.patch_instance(member.instance_id, ssl=ssl)

    async def _crash(self, after: int) -> None:
        line = self.world.line
        line.cut_after = len(line.calls) + 1 + after
        try:
            async with asyncio.timeout(_PATIENCE):
                await line.is_cut.wait()
        except TimeoutError:
            pass
        line.cut_after = None
        await self.world.crash()
        self.diary.crashes += 1
        await self.world.run(_PATIENCE)
        self.operator.start()

    # -- what is seen -------------------------------------------------------------------------

    def _spoil(self, call: Call) -> None:
        if self._down and call.port == "cloud":
            raise httpx.ConnectError("out of order")

    def _note(self, call: Call) -> None:
        if call.what != "patch_status":
            return
        # A PATCH says what is new only.
        plan = self.world.kube.objects[self._keys[call.about]]["status"].get("plan") or {}
        if plan.get("heldBy"):
            self.diary.held.add((call.about, plan["digest"], plan["heldBy"]))
        spent = (call.content.get("lastApproval") or {}).get("digest")
        if spent:
            self.diary.spent.add(spent)

    def _make_the_round(self, day: int) -> None:
        self.operator.check()
        cloud, now = self.world.rds.cloud.world, self.world.clock()
        for member in self.fleet:
            status = self.world.kube.objects[member.key]["status"]
            plan = status.get("plan") or {}
            reason = plan.get("heldBy", "")
            if reason:
                self.diary.days_held[reason] += 1
            waits = reason in _FOR_A_PERSON or (reason == "Drifted" and not plan.get("notBefore"))
            instance = cloud.get(member.instance_id, now)
            end = instance.ssl.expires_at if instance else None
            if end is not None and end <= now:
                self.diary.expired[waits] += 1
            draw = _random(self._seed, "answer", member.key[1], day).random()
            if draw < _ANSWERED:
                self._answer(member, status, waits=waits)
        self._keep()

    def _answer(self, member: Member, status: Json, *, waits: bool) -> None:
        """Let the DBA do what there is to do about an object."""
        key, plan = member.key, status.get("plan") or {}
        if waits:
            fate = self._fates.get(key, "approved")
            given = self.world.kube.objects[key]["metadata"].get("annotations", {})
            if plan["cause"] == "spec" and "Weakens" in plan["impacts"] and fate != "approved":
                return
            if given.get("rds-ssl.dev/approve") != plan["digest"]:
                self.world.kube.annotate(key, approve=plan["digest"])
                self.diary.approved.append((self.world.clock(), key))
            return
        for each in status.get("conditions", ()):
            if each["type"] == "Stalled" and each["reason"] in _STUCK:
                self.world.kube.annotate(key, reconcile_requested_at=str(self.world.monotonic()))
                self.diary.asked += 1

    def _keep(self) -> None:
        self.diary.passes += len(self.world.passes)
        self.metrics.keep(self.world)


def _random(*parts: object) -> Random:
    return Random("/".join(map(str, parts)))  # noqa: S311  # A year can be repeated.
