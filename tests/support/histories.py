"""
Histories: what people, the cloud and accidents do to an `EngineWorld`, one step after another.

A step is a value and changes the world whatever its state; what makes no sense does nothing. The
names of objects: ``a`` and ``b`` have instances of their own, ``r`` is a rival of ``a``.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from rds_ssl.core.errors import KubeConflict, KubeError, KubeUnavailable
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld
from support.line import Call

Json = dict[str, Any]

INSTANCES = ("a", "b")
"""The first is a PostgreSQL; what the other is, the history says."""

INSTANCE_OF: Mapping[str, str] = {"a": "a", "b": "b", "r": "a"}

SPECS: Mapping[str, Json] = {
    "off": {
        "enabled": False,
        "serverCertificate": None,
        "clientAuthentication": None,
        "forceEncryption": None,
    },
    "cloud": {"enabled": True, "serverCertificate": None, "clientAuthentication": None},
    "custom": {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": "tls"}},
        "clientAuthentication": None,
    },
    "clients": {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": "tls"}},
        "clientAuthentication": {"ca": {"configMapKeyRef": {"name": "ca"}}, "acl": "verify-ca"},
    },
    "strict": {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": "tls"}},
        "clientAuthentication": {
            "ca": {"configMapKeyRef": {"name": "ca"}},
            "revocationList": {"configMapKeyRef": {"name": "ca"}},
            "acl": "verify-full",
            "replicationACL": "cert",
        },
    },
    "pfx": {
        "enabled": True,
        "serverCertificate": {
            "pfx": {
                "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:one.pfx",
                "passwordSecretKeyRef": {"name": "tls", "key": "tls.key"},
            }
        },
        "clientAuthentication": None,
    },
    "other pfx": {
        "enabled": True,
        "serverCertificate": {
            "pfx": {
                "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:two.pfx",
                "passwordSecretKeyRef": {"name": "tls", "key": "tls.key"},
            }
        },
        "clientAuthentication": None,
    },
    "renew": {
        "enabled": True,
        "serverCertificate": {"renewBefore": "1h"},
        "clientAuthentication": None,
    },
    "forced": {"forceEncryption": True},
    "plain": {"forceEncryption": None},
    "tls 1.2": {"minimumTLSVersion": "1.2"},
    "tls 1.1": {"minimumTLSVersion": "1.1"},
    "any tls": {"minimumTLSVersion": None},
    "suspend": {"suspend": True},
    "resume": {"suspend": None},
    "observe": {"managementPolicy": "Observe", "deletionPolicy": None},
    "enforce": {"managementPolicy": "Enforce"},
    "waive": {"approvalRequired": []},
    "careful": {"approvalRequired": None},
    "overwrite": {"adoptionPolicy": "Overwrite"},
    "bold": {"adoptionPolicy": "Overwrite", "approvalRequired": []},
    "disable": {"deletionPolicy": "Disable", "managementPolicy": "Enforce"},
    "retain": {"deletionPolicy": None},
}
"""Edits of a spec; in them ``tls`` and ``ca`` stand for the object's own Secret and ConfigMap."""

ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "postgresql": {
        **dict.fromkeys(("forced", "plain", "tls 1.2", "tls 1.1", "any tls"), "clients"),
        "pfx": "strict",
        "other pfx": "strict",
        "renew": "cloud",
    },
    "mysql": {
        "clients": "custom",
        "strict": "custom",
        "pfx": "custom",
        "other pfx": "renew",
        **dict.fromkeys(("tls 1.2", "tls 1.1", "any tls"), "renew"),
    },
    "sqlserver": {"custom": "pfx", "clients": "other pfx", "strict": "pfx"},
}
"""By engine: what is declared in place of what it does not have."""


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: float


@dataclass(frozen=True)
class Declare:
    """An object is created; or, if it is there, deleted."""

    name: str
    spec: str


@dataclass(frozen=True)
class Edit:
    """A spec is edited, see `SPECS`; the same once again is no change."""

    name: str
    spec: str


@dataclass(frozen=True)
class Material:
    """A Secret is written: new, the same in other words, broken, or it goes."""

    name: str
    kind: Literal["new", "cosmetic", "broken", "gone"]


@dataclass(frozen=True)
class Touch:
    """Something that means nothing, or asks for a look: a label, the credentials, reconcile-now."""

    name: str
    kind: Literal["label", "credentials", "ask"]


@dataclass(frozen=True)
class Foreign:
    """Somebody else changes the instance."""

    name: str
    kind: Literal["on", "off", "custom", "renew", "busy", "running"]


@dataclass(frozen=True)
class Fault:
    """The next calls of the cloud go wrong."""

    action: str
    fault: tuple[tuple[str, object], ...]
    times: int


@dataclass(frozen=True)
class KubeFault:
    """The next requests to the API server go wrong, before or after they are executed."""

    kind: Literal["unavailable", "conflict"]
    executed: bool
    times: int


@dataclass(frozen=True)
class Crash:
    """The process dies: at once, or after some more requests; another one starts a while later."""

    after: int
    down: float


Initially = Literal["off", "on", "custom"]

Step = Wait | Declare | Edit | Material | Touch | Foreign | Fault | KubeFault | Crash

SLOWEST = 0.1
"""Seconds of one way of a request, at most: long enough for something to come in between."""

_AT_WORK, _LOOKS_AT_WORK = 200.0, 5
"""Seconds, and how often: longer than any change takes that comes to an end at all."""

CRASH_PATIENCE = 60.0
"""Seconds after which a process dies although it has not made as many requests."""


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
    changes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(INSTANCES, 0))
    """By instance: what may have made another state the declared one, or allowed one more call."""
    failures: int = 0
    """Asynchronous failures ordered."""
    meddled: dict[str, list[float]] = field(
        default_factory=lambda: {each: [] for each in INSTANCES}
    )
    """By instance: when somebody else changed it."""
    crashed: list[float] = field(default_factory=list)
    """When a process died."""
    orphaned: dict[str, list[float]] = field(
        default_factory=lambda: {each: [] for each in INSTANCES}
    )
    """By instance: when an object was deleted whose change was at work."""
    _made: int = 0
    keys: set[str] = field(default_factory=set)
    """Lines of private keys."""
    leaves: dict[str, str] = field(default_factory=dict)
    """By object: the fingerprint of the certificate in its Secret, broken or not."""
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
        if self.lifetime is not None:
            lives = {"cloud-lifetime": self.lifetime, "auto-renewal": 0.0}
            self.world.rds.config(durations=lives, instance="pgm-b")
        for name, state in zip(INSTANCES, self.initially, strict=True):
            if state != "off":
                self._meddle(name, state)
        for name in INSTANCE_OF:
            self._write(name, "new")
        self.changes = dict.fromkeys(INSTANCES, 0)
        self.world.start()

    def engine(self, instance: str) -> str:
        """Give the engine of an instance, in lower case."""
        profile = self.other if instance == "b" else "postgresql-14"
        return profile.partition("-")[0]

    def declared_leaf(self, name: str) -> str:
        """Give the fingerprint of the certificate that an object's Secret held last."""
        return self.leaves[name]

    async def take(self, step: Step) -> None:
        """Let a step happen."""
        self.taken.append(step)
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
            case Foreign(name, kind):
                self._meddle(name, kind)
            case Material(name, kind):
                self._write(name, kind)
            case Touch(name, kind):
                self._touch(name, kind)
            case Declare(name, spec) | Edit(name, spec):
                self._declare(name, spec, create=isinstance(step, Declare))

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
        for _ in range(_LOOKS_AT_WORK):
            # Certificates that live for an hour are renewed at any time.
            if not any(self._at_work(name) for name in INSTANCE_OF):
                break
            await self.world.run(_AT_WORK)

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

    def _write(self, name: str, kind: str) -> None:
        world, secret = self.world, f"{name}-tls"
        self.changes[INSTANCE_OF[name]] += 1
        known = world.kube.data.get(("Secret", (NAMESPACE, secret)))
        if kind == "gone":
            world.kube.delete_data("Secret", (NAMESPACE, secret))
        elif kind == "broken":
            world.write("Secret", secret, {"tls.crt": b"-----BEGIN nothing", "tls.key": b"x"})
        elif kind == "cosmetic" and known is not None:
            text = known.data["tls.crt"]
            other = text.replace(b"\n", b"\r\n") if b"\r" not in text else b"# no change\n" + text
            world.write("Secret", secret, {**known.data, "tls.crt": other, "extra": other})
            self.changes[INSTANCE_OF[name]] -= 1
        else:
            leaf = self._leaf(INSTANCE_OF[name])
            self.leaves[name] = hashlib.sha256(pki.der(leaf.certificate)).hexdigest()
            pair = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}
            world.write("Secret", secret, pair)
            trust = {
                "ca.crt": pki.pem(world.root.certificate),
                "ca.crl": world.root.revocation_list(),
            }
            world.write("ConfigMap", f"{name}-ca", trust)

    def _leaf(self, name: str) -> pki.Leaf:
        """
        Make a certificate that ends at a time of its own.

        MySQL shows nothing else of it: two that end together cannot be told apart.
        """
        self._made += 1
        end = pki.real_now() + timedelta(days=90, minutes=self._made)
        leaf = self.world.root.leaf(self.world.host(name), not_after=end)
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

    def _declare(self, name: str, spec: str, *, create: bool) -> None:
        world, key = self.world, (NAMESPACE, name)
        spec = ELSEWHERE[self.engine(INSTANCE_OF[name])].get(spec, spec)
        wanted = {part: _own(name, value) for part, value in SPECS[spec].items()}
        exists = key in world.kube.objects
        if exists and spec == "forced" and not world.kube.objects[key]["spec"].get("enabled", True):
            return  # The API server refuses it.
        if create and exists:
            if self._at_work(name):
                self.orphaned[INSTANCE_OF[name]].append(world.monotonic())
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
        self.changes[INSTANCE_OF[name]] += 1


def _own(name: str, value: object) -> object:
    """Name the object's own Secret and ConfigMap."""
    if isinstance(value, dict):
        return {
            part: f"{name}-{inner}" if part == "name" else _own(name, inner)
            for part, inner in value.items()
        }
    return value


def kube_fault(kind: str, times: int) -> Callable[[Call], None]:
    """Make a hook that spoils the next requests to the API server."""
    left = times

    def spoil(call: Call) -> None:
        nonlocal left
        applies = call.port == "kube" and (kind == "unavailable" or call.what.startswith("patch"))
        if not applies or left <= 0:
            return
        left -= 1
        if kind == "conflict":
            raise KubeConflict("409", status=409)
        raise KubeUnavailable("503", status=503)

    return spoil


FAULTS: tuple[tuple[str, Json], ...] = (
    (MODIFY, {"kind": "reset-before"}),
    (MODIFY, {"kind": "reset-after"}),
    (MODIFY, {"kind": "html"}),
    (MODIFY, {"kind": "html", "after": True}),
    (MODIFY, {"kind": "delay", "seconds": 90}),
    (MODIFY, {"kind": "async-failed"}),
    (MODIFY, {"kind": "async-half"}),
    (MODIFY, {"code": "Throttling.User", "status": 400}),
    (MODIFY, {"code": "OperationDenied.DBInstanceStatus", "status": 403}),
    (MODIFY, {"code": "InvalidCAType.NotFound", "status": 400}),
    (MODIFY, {"code": "InvalidSSLStatus", "status": 400}),
    (MODIFY, {"code": "IncorrectDBSslStatus", "status": 400}),
    (MODIFY, {"code": "InternalError", "status": 500}),
    (MODIFY, {"code": "Forbidden.RAM", "status": 403}),
    ("DescribeDBInstanceSSL", {"kind": "reset-before"}),
    ("DescribeDBInstanceSSL", {"kind": "bare"}),
    ("DescribeDBInstanceSSL", {"kind": "throttle", "retry_after_ms": 3000}),
    ("DescribeDBInstanceAttribute", {"kind": "html"}),
    ("DescribePGHbaConfig", {"kind": "reset-before"}),
    ("DescribeDBInstanceAttribute", {"code": "Forbidden.RAM", "status": 403}),
)
"""Action and fault."""
