"""
Histories: what people, the cloud and accidents do to an `EngineWorld`, one step after another.

What makes no sense does nothing. The names of objects: ``a``, ``b`` and ``c`` have instances of
their own, ``r`` is a rival of ``a``. The instance of ``c`` is a read-only one of that of ``a``.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rds_simulator.machine import Settings
from rds_ssl.core.errors import KubeError
from support import pki
from support.engine_world import NAMESPACE, EngineWorld
from support.line import Call
from support.specs import DAY, ELSEWHERE, MAINTAINED, SPECS, WHEN, Daily, Open, maintain_time, own
from support.steps import (
    Approve,
    Crash,
    Declare,
    Edit,
    Fault,
    Foreign,
    Initially,
    KubeFault,
    Maintain,
    Material,
    Step,
    Touch,
    Wait,
)
from support.trouble import kube_fault
from support.verdicts import Shape, shape

Json = dict[str, Any]

INSTANCES = ("a", "b", "c")
"""All but ``b`` are PostgreSQL; what that is, the history says."""

INSTANCE_OF: Mapping[str, str] = {"a": "a", "b": "b", "c": "c", "r": "a"}

PRIMARY_OF: Mapping[str, str] = {"a": "a", "b": "b", "c": "a"}


SLOWEST = 0.1
"""Seconds of one way of a request, at most: long enough for something to come in between."""

_AT_WORK, _LOOKS_AT_WORK = 200.0, 5
"""Seconds, and how often: longer than any change takes that comes to an end at all."""

CRASH_PATIENCE = 60.0
"""Seconds after which a process dies although it has not made as many requests."""

PATIENCE = timedelta(hours=26)
"""How long it is waited for what waits for a time, at the end: windows and limits are daily."""

AFTERWARDS = 700.0
"""Seconds from then on until everybody has looked again."""


@dataclass(frozen=True, kw_only=True)
class Approved:
    """An annotation, as somebody has written it."""

    at: float
    uid: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Meddling:
    """A foreign change of an instance."""

    at: float
    before: Settings
    after: Settings


@dataclass
class History:
    """A world, and how much was done to it."""

    world: EngineWorld
    other: str = "postgresql-14"
    """The profile of the second instance."""
    initially: tuple[Initially, Initially] = ("off", "off")
    """What the instances are like before anybody declares anything."""
    echoes: bool = True
    """The cloud shows which endpoint is protected."""
    lifetime: float | None = None
    """Seconds that a cloud certificate of the second instance lives; None: as ever."""
    shared: bool = False
    """All objects take their certificate and their client CA from the same Secret and ConfigMap."""
    changes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(INSTANCES, 0))
    """By instance: what may have made another state the declared one, or allowed one more call."""
    failures: int = 0
    """Asynchronous failures ordered."""
    meddled: dict[str, list[float]] = field(
        default_factory=lambda: {each: [] for each in INSTANCES}
    )
    """By instance: when somebody else changed it."""
    meddlings: dict[str, list[Meddling]] = field(
        default_factory=lambda: {each: [] for each in INSTANCES}
    )
    """By instance: what that was."""
    approvals: list[Approved] = field(default_factory=list)
    plans: dict[tuple[str, str], Json] = field(default_factory=dict)
    """By uid and digest: every plan that a status has shown between two steps, the oldest first."""
    shapes: dict[Shape, Json] = field(default_factory=dict)
    """What conditions a status has had between two steps, with one that had them."""
    openings: dict[tuple[str, str], Open] = field(default_factory=dict)
    """By schedule and zone: when the windows declared are open."""
    maintained: dict[str, list[tuple[float, Open]]] = field(
        default_factory=lambda: {each: [] for each in INSTANCES}
    )
    """By instance: its maintenance times, and since when."""
    awaited: dict[str, Json] = field(default_factory=dict)
    """By object: the plan that time alone was to let go, before it was waited for."""
    crashed: list[float] = field(default_factory=list)
    """When a process died."""
    orphaned: dict[str, list[float]] = field(
        default_factory=lambda: {each: [] for each in INSTANCES}
    )
    """By instance: when an object was deleted whose change was at work."""
    deleted: dict[str, float] = field(default_factory=dict)
    """By uid: when an object was deleted."""
    _made: int = 0
    keys: set[str] = field(default_factory=set)
    """Lines of private keys."""
    pairs: dict[str, pki.Leaf] = field(default_factory=dict)
    """By object: the certificate in its Secret, with its intermediates, broken or not."""
    taken: list[Step] = field(default_factory=list)
    """Every step, in order."""
    ordered: int = 0
    """Faults of the cloud that were ordered; those that nobody met are taken back by `settle`."""
    spoilt: int = 0
    """Requests, to the API server and the cloud, that went wrong by order."""

    def begin(self) -> None:
        """Make instances, material and a process."""
        random = self.world.random
        self.world.line.latency = lambda: random.uniform(0.001, SLOWEST)
        self.world.add_instance("a")
        self.world.add_instance("b", profile=self.other)
        self.world.add_instance("c", master_instance_id="pgm-a")
        if self.lifetime is not None:
            lives = {"cloud-lifetime": self.lifetime, "auto-renewal": 0.0}
            self.world.rds.config(durations=lives, instance="pgm-b")
        for name, state in zip(INSTANCES, self.initially, strict=False):
            if state != "off":
                self._meddle(name, state)
        for name in INSTANCES:
            self._maintain(name, "far")
        for name in ["shared"] if self.shared else INSTANCE_OF:
            self._write(name, "new")
        self.changes = dict.fromkeys(INSTANCES, 0)
        self.world.start()

    def engine(self, instance: str) -> str:
        """Give the engine of an instance, in lower case."""
        profile = self.other if instance == "b" else "postgresql-14"
        return profile.partition("-")[0]

    def hides(self, instance: str) -> bool:
        """Whether the cloud does not show all that is in force there."""
        return not self.echoes or self.engine(instance) != "postgresql"

    def declared_chain(self, name: str) -> list[str]:
        """Give the fingerprints of the certificates that an object's Secret held last."""
        leaf = self.pairs[name]
        chain = (leaf.certificate, *leaf.intermediates)
        return [hashlib.sha256(pki.der(each)).hexdigest() for each in chain]

    async def take(self, step: Step) -> None:
        """Let a step happen."""
        self.taken.append(step)
        self._see_plans()
        match step:
            case Wait(seconds):
                await self.world.run(seconds)
            case Crash(after, down):
                await self._crash(after, down)
            case Fault():
                self._order(step)
            case KubeFault(kind, executed, times):
                hooks = self.world.line.after if executed else self.world.line.before
                hooks.append(self._counted(kube_fault(kind, times)))
            case Declare(name, spec) | Edit(name, spec):
                self._declare(name, spec, create=isinstance(step, Declare))
            case _:
                self._act(step)

    def _act(self, step: Step) -> None:
        match step:
            case Material(name, kind):
                self._write("shared" if self.shared else name, kind)
            case Touch(name, kind):
                self._touch(name, kind)
            case Approve(name, kind):
                self._approve(name, kind)
            case Maintain(name, kind):
                self._maintain(name, kind)
            case Foreign(name, kind):
                self._meddle(name, kind)

    async def settle(self, seconds: float) -> None:
        """Take all trouble away, and let the engine come to rest."""
        left = sum(each.times for each in self.world.rds.cloud.world.faults.orders)
        self.spoilt += self.ordered - left
        self.ordered = 0
        self.world.rds.clear_faults()
        self.world.line.before.clear()
        del self.world.line.after[1:]  # The world's own stays.
        for name in INSTANCES:
            self.world.rds.patch_instance(f"pgm-{name}", status="Running")
        await self.world.run(seconds)
        await self._finish()
        due = self._wait_for_time()
        if due is not None:
            await self.world.run((due - self.world.clock()).total_seconds() + AFTERWARDS)
            await self._finish()

    async def _finish(self) -> None:
        for _ in range(_LOOKS_AT_WORK):
            # Certificates that live for an hour are renewed at any time: a change may be at work,
            # or about to be recorded by a pass that has its slot already.
            engine = self.world.engine
            passes = engine.queue.in_flight if engine else 0
            if not passes and not any(self._at_work(name) for name in INSTANCE_OF):
                break
            await self.world.run(_AT_WORK)
        self._see_plans()

    def _wait_for_time(self) -> datetime | None:
        """Note which plans wait for a time, and give the last of the times, if there is any."""
        times = []
        for name, plan in self._shown():
            due = plan.get("notBefore")
            if due is not None and plan.get("heldBy") != "AwaitingApproval":
                time = datetime.fromisoformat(due)
                if time - self.world.clock() < PATIENCE:
                    self.awaited[name] = plan
                    times.append(time)
        return max(times, default=None)

    def _shown(self) -> list[tuple[str, Json]]:
        every = self.world.kube.objects.items()
        return [(key[1], each["status"]["plan"]) for key, each in every if "plan" in each["status"]]

    def _see_plans(self) -> None:
        for name, plan in self._shown():
            uid = self.world.kube.objects[NAMESPACE, name]["metadata"]["uid"]
            self.plans.setdefault((uid, plan["digest"]), plan)
        for each in self.world.kube.objects.values():
            found = shape(each["status"])
            if found is not None:
                self.shapes.setdefault(found, each["status"])

    def _at_work(self, name: str) -> bool:
        manifest = self.world.kube.objects.get((NAMESPACE, name), {"status": {}})
        operation = manifest["status"].get("operation") or {}
        return operation.get("phase") in {"Sending", "Accepted"}

    # -- steps --------------------------------------------------------------------------------

    async def _crash(self, after: int, down: float) -> None:
        line = self.world.line
        if after:
            line.cut_after = len(line.calls) + after
            try:
                async with asyncio.timeout(CRASH_PATIENCE):
                    await line.is_cut.wait()
            except TimeoutError:
                pass
            line.cut_after = None
        await self.world.crash()
        self.crashed.append(self.world.monotonic())
        await self.world.run(down)
        self.world.start()

    def _order(self, step: Fault) -> None:
        fault = dict(step.fault)
        if str(fault.get("kind", "")).startswith("async"):
            self.failures += step.times
        self.world.rds.fault(fault, action=step.action, times=step.times)
        self.ordered += step.times

    def _counted(self, hook: Callable[[Call], None]) -> Callable[[Call], None]:
        def spoil(call: Call) -> None:
            try:
                hook(call)
            except KubeError:
                self.spoilt += 1
                raise

        return spoil

    def _meddle(self, name: str, kind: str) -> None:
        world, instance = self.world, f"pgm-{name}"
        if kind in {"busy", "running"}:
            status = "Running" if kind == "running" else "MINOR_VERSION_UPGRADING"
            world.rds.patch_instance(instance, status=status)
            return
        if world.truth(name)["change"] is not None:
            return  # The cloud takes one change at a time, whoever makes it.
        self.meddled[name].append(world.monotonic())
        self.changes[name] += 1
        before = self._in_force(name)
        engine = self.engine(name)
        if kind == "custom" and engine == "sqlserver":
            pfx = "oss-cn-hangzhou.aliyuncs.com:bucket:foreign.pfx"
            world.meddle(name, enabled=True, pfx=pfx)
        elif kind == "custom":
            leaf = self._leaf(name)
            pair = {"server_cert": leaf.chain_pem.decode(), "server_key": leaf.key_pem().decode()}
            world.meddle(name, enabled=True, **pair)
        else:
            world.meddle(name, enabled=kind != "off", renew=kind == "renew")
        after = self._in_force(name)
        self.meddlings[name].append(Meddling(at=world.monotonic(), before=before, after=after))

    def _in_force(self, name: str) -> Settings:
        found = self.world.rds.cloud.world.get(f"pgm-{name}", self.world.clock())
        if found is None:
            raise LookupError(name)
        return found.ssl

    def _write(self, name: str, kind: str) -> None:
        """Write a Secret: of an object, or ``shared``."""
        world, secret = self.world, f"{name}-tls"
        users = list(INSTANCE_OF) if name == "shared" else [name]
        instances = {INSTANCE_OF[each] for each in users}
        known = world.kube.data.get(("Secret", (NAMESPACE, secret)))
        if kind == "cosmetic" and known is not None:
            text = known.data["tls.crt"]
            other = text.replace(b"\n", b"\r\n") if b"\r" not in text else b"# no change\n" + text
            world.write("Secret", secret, {**known.data, "tls.crt": other, "extra": other})
            return
        for each in instances:
            self.changes[each] += 1
        if kind == "gone":
            world.kube.delete_data("Secret", (NAMESPACE, secret))
        elif kind == "broken":
            world.write("Secret", secret, {"tls.crt": b"-----BEGIN nothing", "tls.key": b"x"})
        else:
            leaf = self._leaf(*sorted(instances))
            if kind == "chain" and known is not None and users[0] in self.pairs:
                leaf = self.pairs[users[0]]
                dropped = () if leaf.intermediates else (world.issuer.certificate,)
                leaf = replace(leaf, intermediates=dropped)
            self.pairs.update(dict.fromkeys(users, leaf))
            pair = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}
            world.write("Secret", secret, pair)
            trust = {
                "ca.crt": pki.pem(world.root.certificate),
                "ca.crl": world.root.revocation_list(),
            }
            world.write("ConfigMap", f"{name}-ca", trust)

    def _leaf(self, *names: str) -> pki.Leaf:
        """
        Make a certificate for instances that ends at a time of its own.

        MySQL shows nothing else of it: two that end together cannot be told apart.
        """
        self._made += 1
        end = pki.real_now() + timedelta(days=90, minutes=self._made)
        leaf = self.world.issuer.leaf(*map(self.world.host, names), not_after=end)
        self.keys.update(leaf.key_pem().decode().splitlines()[1:-1])
        return leaf

    def _touch(self, name: str, kind: str) -> None:
        world, key = self.world, (NAMESPACE, name)
        if kind == "credentials":
            world.write_credentials("rds-credentials")
        elif key in world.kube.objects and kind == "label":
            world.kube.label(key, at=str(world.monotonic()))
        elif key in world.kube.objects:
            world.ask(name, str(world.monotonic()))
            self.changes[INSTANCE_OF[name]] += 1  # One more attempt at what ended badly.

    def _approve(self, name: str, kind: str) -> None:
        world, key = self.world, (NAMESPACE, name)
        if key not in world.kube.objects:
            return
        uid = world.kube.objects[key]["metadata"]["uid"]
        pending = world.status(name).get("plan", {}).get("digest")
        known = [digest for owner, digest in self.plans if owner == uid and digest != pending]
        digest = {"pending": pending, "stale": known[-1] if known else None, "nonsense": "yes"}[
            kind
        ]
        if digest is None:
            return
        world.kube.annotate(key, approve=digest)
        self.approvals.append(Approved(at=world.monotonic(), uid=uid, digest=digest))
        if kind != "nonsense":
            self.changes[INSTANCE_OF[name]] += 1  # Once more what ended badly, or was put back.

    def _maintain(self, name: str, kind: str) -> None:
        daily, now = MAINTAINED[kind], self.world.clock()
        opening = Open(start=daily.start(now), lasts=timedelta(minutes=daily.lasts))
        self.world.rds.patch_instance(f"pgm-{name}", maintain_time=maintain_time(opening))
        self.maintained[name].append((self.world.monotonic(), opening))

    def _spelled(self, name: str, value: object) -> object:
        """Spell a value of `SPECS`, with the names of the object and the time of now."""
        if not isinstance(value, Daily):
            return own("shared" if self.shared else name, value)
        maintenance, now = value.spell(self.world.clock()), self.world.clock()
        window = maintenance["windows"][0]
        self.openings[window["schedule"], window["timeZone"]] = Open(
            start=value.start(now) - DAY, lasts=timedelta(minutes=value.lasts)
        )
        return maintenance

    def _declare(self, name: str, spec: str, *, create: bool) -> None:
        world, key = self.world, (NAMESPACE, name)
        spec = ELSEWHERE[self.engine(INSTANCE_OF[name])].get(spec, spec)
        wanted = {part: self._spelled(name, value) for part, value in SPECS[spec].items()}
        exists = key in world.kube.objects
        if exists and spec == "forced" and not world.kube.objects[key]["spec"].get("enabled", True):
            return  # The API server refuses it.
        if create and exists:
            if self._at_work(name):
                self.orphaned[INSTANCE_OF[name]].append(world.monotonic())
            self.deleted[world.kube.objects[key]["metadata"]["uid"]] = world.monotonic()
            world.kube.delete(key)
        elif create:
            given = {part: value for part, value in wanted.items() if value is not None}
            world.declare(name, **{"instanceID": f"pgm-{INSTANCE_OF[name]}", **given})
        elif exists:
            trusts = world.kube.objects[key]["spec"].get("clientAuthentication")
            if trusts and "clientAuthentication" in wanted:
                self.changes[INSTANCE_OF[name]] += 1  # Taken away in two steps.
            world.edit(name, **wanted)
        else:
            return
        if spec not in WHEN:
            self.changes[INSTANCE_OF[name]] += 1
