"""
One instance as a pure state machine: state, command and time give a new state and events.

Nothing runs by itself. A change that was accepted carries the times of its phases, and `advance`
brings a state to any later time:

    accepted ── still Running (window) ── SSL_MODIFYING ── Running, with success, failed or half
             accepted_at              busy_from         ends_at

A restart is counted when the instance becomes busy. Source: the team's API notes 4.1 and 4.4.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rds_simulator.certificates import Bundle, Pfx, ServerMaterial
from rds_simulator.config import LONG_WINDOW_SECONDS, Rules, Switch
from rds_simulator.profiles import Profile

RUNNING = "Running"
SSL_MODIFYING = "SSL_MODIFYING"
UNLOCKED = "Unlock"
MODIFY_REASON = "Modify DB Instance SSL Config."
DEFAULT_ACL = "prefer"
DEFAULT_TLS = "1.0"

Issue = Callable[[str, datetime], ServerMaterial]
"""Issues a cloud certificate for a host at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The SSL settings of an instance; with `enabled` off the rest stands at its defaults."""

    enabled: bool = False
    connection_string: str = ""
    ca_type: str = ""
    server: ServerMaterial | None = None
    pfx: Pfx | None = None
    """SQL Server's ``Certificate``, which cannot be read back; then there is no `server`."""
    client_ca: Bundle | None = None
    crl: Bundle | None = None
    acl: str = DEFAULT_ACL
    replication_acl: str = DEFAULT_ACL
    force_encryption: bool = False
    tls_version: str = DEFAULT_TLS

    @property
    def expires_at(self) -> datetime | None:
        """End of the server certificate, as SSLExpireTime has it."""
        certificate = self.server or self.pfx
        return certificate.not_after if certificate else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A host name of an instance."""

    host: str
    port: int
    ip_type: str
    """``Private`` or ``Public``."""
    kind: str = "Normal"
    """``Normal`` or ``ReadWriteSplitting``; SSL is never possible on the latter."""


class Outcome(StrEnum):
    """How an accepted change ends."""

    SUCCESS = "success"
    FAILED = "failed"
    HALF = "half"
    """A part is in force, LastModifyStatus is ``failed``."""
    HALF_SUCCESS = "half-success"
    """A part is in force, LastModifyStatus claims ``success``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a change ends, with the reason that Describe shows."""

    outcome: Outcome = Outcome.SUCCESS
    reason: str = ""


SUCCEEDS = Ending()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that was accepted and has not ended."""

    target: Settings
    accepted_at: datetime
    busy_from: datetime
    ends_at: datetime
    restarts: bool
    restarted: bool = False
    ending: Ending = SUCCEEDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """All there is to know about an instance at one time."""

    id: str
    profile: Profile
    region: str
    endpoints: tuple[Endpoint, ...]
    created_at: datetime
    status: str = RUNNING
    """Apart from an SSL change in flight, see `View.status`."""
    lock_mode: str = UNLOCKED
    account: str = ""
    """Whose it is; empty: of each account that asks for it."""
    kernel_version: str = ""
    maintain_time: str = "18:00Z-22:00Z"
    master_instance_id: str = ""
    description: str = ""
    """Its name for people; empty: its id."""
    tags: Mapping[str, str] = field(default_factory=dict)
    hba_rows: tuple[tuple[str, str, str, str, str], ...] = (("host", "all", "all", "all", "md5"),)
    """pg_hba.conf: type, database, user, address, method."""
    answers: Mapping[str, object] = field(default_factory=dict, compare=False)
    """Fields that DescribeDBInstanceSSL shows with other values than the true ones."""
    ssl: Settings = field(default_factory=Settings)
    """In force, whatever Describe shows while a change is in flight."""
    last_modify_status: str = ""
    modify_status_reason: str = ""
    change: Change | None = None
    accepted: int = 0
    """ModifyDBInstanceSSL calls that were accepted."""
    restarts: int = 0

    @property
    def internal_host(self) -> str:
        """The endpoint of DescribeDBInstanceAttribute."""
        return self.endpoints[0].host

    @property
    def wanted(self) -> Settings:
        """What holds once nothing is in flight: the base that a further call changes."""
        return self.change.target if self.change else self.ssl


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What a call that was accepted found, and what it leads to."""

    before: Settings
    """What would hold without it."""
    target: Settings
    overlaps: bool
    """The change before it had not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to an instance."""

    at: datetime
    what: str
    """accepted, restarted, succeeded, failed, half-applied, renewed-by-vendor"""
    acceptance: Acceptance | None = None
    """Of what was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What Describe shows at a time."""

    status: str
    ssl: Settings
    last_modify_status: str
    modify_status_reason: str


def _server_part(settings: Settings) -> tuple[object, ...]:
    server, pfx = settings.server, settings.pfx
    chain = (server.sha256, server.chain_sha256) if server else ()
    return (settings.enabled, settings.connection_string, settings.ca_type, chain, pfx)


def _client_part(settings: Settings) -> tuple[object, ...]:
    return tuple(
        set(bundle.sha256) if bundle else None for bundle in (settings.client_ca, settings.crl)
    )


def _force_part(settings: Settings) -> tuple[object, ...]:
    return (settings.force_encryption, settings.tls_version)


def _acl_part(settings: Settings) -> tuple[object, ...]:
    return (settings.acl, settings.replication_acl)


def same(before: Settings, target: Settings) -> bool:
    """Whether two settings mean the same: certificates by fingerprint, bundles as sets."""
    return all(
        part(before) == part(target)
        for part in (_server_part, _client_part, _force_part, _acl_part)
    )


def only_acl_differs(before: Settings, target: Settings) -> bool:
    """Whether nothing but ACL or ReplicationACL is changed, which is done without a restart."""
    return _acl_part(before) != _acl_part(target) and same(
        before, replace(target, acl=before.acl, replication_acl=before.replication_acl)
    )


def needs_restart(profile: Profile, before: Settings, target: Settings) -> bool:
    """Whether this change restarts the instance, by table 4.1 of the team's API notes."""
    if same(before, target) or only_acl_differs(before, target):
        return False
    renewal = same(before, replace(target, server=before.server)) and target.ca_type == "aliyun"
    return profile.renewal_restarts or not renewal


def accept(
    instance: Instance,
    target: Settings,
    now: datetime,
    rules: Rules,
    ending: Ending = SUCCEEDS,
) -> tuple[Instance, tuple[Event, ...]]:
    """
    Accept a change; *instance* has been advanced to *now*.

    A change still in its window is replaced; the restart that it had in store is not saved.
    """
    before = instance.wanted
    idle = same(before, target) and rules.has(Switch.ENABLE_AGAIN, "nothing")
    restarts = not idle and (
        rules.has(Switch.RESTART, "every-call") or needs_restart(instance.profile, before, target)
    )
    number, restarted = instance.accepted + 1, instance.restarts
    found = Acceptance(before=before, target=target, overlaps=instance.change is not None)
    events = [Event(at=now, what="accepted", acceptance=found)]
    replaced = instance.change
    if replaced and replaced.restarts and not replaced.restarted:
        restarted += 1
        events.append(Event(at=now, what="restarted"))
    if not restarts and same(before, target) and not replaced:
        return replace(instance, accepted=number), tuple(events)
    busy_from = now + timedelta(seconds=_window(instance.id, number, rules))
    duration = rules.durations["acl" if only_acl_differs(before, target) else "change"]
    change = Change(
        target=target,
        accepted_at=now,
        busy_from=busy_from,
        ends_at=busy_from + timedelta(seconds=duration),
        restarts=restarts,
        ending=ending,
    )
    accepted = replace(instance, accepted=number, restarts=restarted, change=change)
    return accepted, tuple(events)


def _window(instance_id: str, number: int, rules: Rules) -> float:
    """Seconds between acceptance and busy; the long ones differ from call to call, repeatably."""
    shortest = rules.durations["window"]
    if rules.has(Switch.WINDOW, "short"):
        return shortest
    digest = hashlib.sha256(f"{instance_id}/{number}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    return shortest + (max(LONG_WINDOW_SECONDS, shortest) - shortest) * share


def advance(
    instance: Instance, now: datetime, rules: Rules, issue: Issue
) -> tuple[Instance, tuple[Event, ...]]:
    """Bring a state to *now*: restarts, the end of a change, renewals by the vendor."""
    events: list[Event] = []
    change = instance.change
    if change and change.restarts and not change.restarted and now >= change.busy_from:
        change = replace(change, restarted=True)
        instance = replace(instance, change=change, restarts=instance.restarts + 1)
        events.append(Event(at=change.busy_from, what="restarted"))
    if change and now >= change.ends_at:
        instance = _end(instance, change)
        events.append(Event(at=change.ends_at, what=_END_NAMES[change.ending.outcome]))
    due = _renewal_due(instance, rules)
    if due and now >= due:
        # Issued at *now* and not at *due*: a clock that jumps by years must not leave behind a
        # certificate that has expired already.
        server = issue(instance.ssl.connection_string, now)
        instance = replace(instance, ssl=replace(instance.ssl, server=server))
        events.append(Event(at=now, what="renewed-by-vendor"))
    return instance, tuple(events)


_END_NAMES = {
    Outcome.SUCCESS: "succeeded",
    Outcome.FAILED: "failed",
    Outcome.HALF: "half-applied",
    Outcome.HALF_SUCCESS: "half-applied",
}


def _end(instance: Instance, change: Change) -> Instance:
    match change.ending.outcome:
        case Outcome.SUCCESS:
            ssl, status = change.target, "success"
        case Outcome.FAILED:
            ssl, status = instance.ssl, "failed"
        case Outcome.HALF:
            ssl, status = half_applied(instance.ssl, change.target), "failed"
        case Outcome.HALF_SUCCESS:
            ssl, status = half_applied(instance.ssl, change.target), "success"
    return replace(
        instance,
        ssl=ssl,
        change=None,
        last_modify_status=status,
        modify_status_reason=change.ending.reason,
    )


def half_applied(before: Settings, target: Settings) -> Settings:
    """The first part of a change that differs, without the rest: server, client CA, ACL."""
    if _server_part(before) != _server_part(target):
        return replace(
            before,
            enabled=target.enabled,
            connection_string=target.connection_string,
            ca_type=target.ca_type,
            server=target.server,
            pfx=target.pfx,
        )
    if _client_part(before) != _client_part(target):
        return replace(before, client_ca=target.client_ca)
    return replace(before, acl=target.acl)


def _renewal_due(instance: Instance, rules: Rules) -> datetime | None:
    """When the vendor renews this cloud certificate by itself; None: never."""
    ssl = instance.ssl
    ahead = rules.durations["auto-renewal"]
    by_vendor = instance.profile.renewed_by_vendor or rules.has(Switch.VENDOR_RENEWS, "all")
    if not (by_vendor and ssl.enabled and ssl.ca_type == "aliyun"):
        return None
    if instance.change or ssl.server is None or not ahead:
        return None
    return ssl.server.not_after - timedelta(seconds=ahead)


def observe(instance: Instance, now: datetime, rules: Rules) -> View:
    """What Describe shows; *instance* has been advanced to *now*."""
    change = instance.change
    if change is None:
        return View(
            status=instance.status,
            ssl=instance.ssl,
            last_modify_status=instance.last_modify_status,
            modify_status_reason=instance.modify_status_reason,
        )
    busy = now >= change.busy_from
    stale = not busy and rules.has(Switch.STALE_LAST_MODIFY, "yes")
    return View(
        status=SSL_MODIFYING if busy and instance.status == RUNNING else instance.status,
        ssl=change.target if rules.has(Switch.WINDOW_VALUES, "new") else instance.ssl,
        last_modify_status=instance.last_modify_status if stale else "setting",
        modify_status_reason=instance.modify_status_reason if stale else MODIFY_REASON,
    )
