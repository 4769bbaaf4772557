"""The admin interface's way of making, changing and showing instances."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from rds_simulator.admin_models import InstanceBody, InstancePatch, SSLBody
from rds_simulator.certificates import Bundle, Pfx, parse_client_ca, parse_crl, parse_server
from rds_simulator.clock import to_wire
from rds_simulator.config import ConfigError
from rds_simulator.machine import Endpoint, Event, Instance, Issue, Settings, View
from rds_simulator.profiles import PROFILES, Profile
from rds_simulator.wire import Fields

ENDPOINT_SUFFIX = "rds.aliyuncs.com"

_PLAIN = (
    "status",
    "lock_mode",
    "region",
    "account",
    "kernel_version",
    "maintain_time",
    "master_instance_id",
    "description",
)
_PLAIN_SSL = ("acl", "replication_acl", "force_encryption", "tls_version")


def create(instance_id: str, body: InstanceBody, at: datetime, issue: Issue) -> Instance:
    """
    Make an instance from its profile.

    Raises:
        ConfigError: If there is no such profile.
        MaterialError: If given PEM does not parse.
    """
    profile = _profile(body.profile)
    instance = Instance(
        id=instance_id,
        profile=profile,
        region=body.region,
        endpoints=_endpoints(instance_id, profile),
        kernel_version=profile.kernel_version,
        created_at=at,
    )
    return patch(instance, body, at, issue)


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise ConfigError(f"no profile {name}", {"profiles": sorted(PROFILES)})
    return PROFILES[name]


def _endpoints(instance_id: str, profile: Profile) -> tuple[Endpoint, ...]:
    def endpoint(name: str, ip_type: str, kind: str = "Normal") -> Endpoint:
        host = f"{name}.{profile.host_part}.{ENDPOINT_SUFFIX}".lower()
        return Endpoint(host=host, port=profile.port, ip_type=ip_type, kind=kind)

    return (
        endpoint(instance_id, "Private"),
        endpoint(f"{instance_id}-public", "Public"),
        endpoint(f"{instance_id}-rw", "Private", "ReadWriteSplitting"),
    )


def patch(instance: Instance, body: InstancePatch, at: datetime, issue: Issue) -> Instance:
    """
    Change an instance at once.

    Raises:
        ConfigError: If there is no such profile.
        MaterialError: If given PEM does not parse.
    """
    given = body.model_dump(exclude_none=True, include=set(_PLAIN))
    if body.profile is not None:
        given["profile"] = _profile(body.profile)
    if body.engine_version is not None:
        profile = given.get("profile", instance.profile)
        given["profile"] = replace(profile, engine_version=body.engine_version)
    if body.hba_rows is not None:
        given["hba_rows"] = tuple(body.hba_rows)
    if body.tags is not None:
        given["tags"] = MappingProxyType(body.tags)
    if body.answers is not None:
        given["answers"] = MappingProxyType(body.answers)
    changed = replace(instance, **given, endpoints=_renamed(instance.endpoints, body))
    return _patch_ssl(changed, body.ssl, at, issue) if body.ssl else changed


def _renamed(endpoints: Iterable[Endpoint], body: InstancePatch) -> tuple[Endpoint, ...]:
    internal, *others = endpoints
    if body.connection_string:
        internal = replace(internal, host=body.connection_string.lower())
    if body.public_connection_string is not None:
        others = [each for each in others if each.ip_type != "Public"]
        if body.public_connection_string:
            host = body.public_connection_string.lower()
            others.insert(0, replace(internal, host=host, ip_type="Public"))
    return (internal, *others)


def _patch_ssl(instance: Instance, body: SSLBody, at: datetime, issue: Issue) -> Instance:
    if body.last_modify_status is not None:
        instance = replace(instance, last_modify_status=body.last_modify_status)
    if body.modify_status_reason is not None:
        instance = replace(instance, modify_status_reason=body.modify_status_reason)
    enabled = instance.ssl.enabled if body.enabled is None else body.enabled
    if not enabled:
        return replace(instance, ssl=Settings())
    ssl = replace(
        instance.ssl,
        enabled=True,
        connection_string=(
            body.connection_string or instance.ssl.connection_string or instance.internal_host
        ).lower(),
        **body.model_dump(exclude_none=True, include=set(_PLAIN_SSL)),
    )
    if body.client_ca is not None:
        ssl = replace(ssl, client_ca=parse_client_ca(body.client_ca) if body.client_ca else None)
    if body.crl is not None:
        ssl = replace(ssl, crl=parse_crl(body.crl) if body.crl else None)
    return replace(instance, ssl=_with_server(ssl, body, at, issue))


def _with_server(ssl: Settings, body: SSLBody, at: datetime, issue: Issue) -> Settings:
    if body.server_cert:
        key = body.server_key.get_secret_value() if body.server_key else ""
        server = parse_server(body.server_cert, key)
        return replace(ssl, ca_type="custom", server=server, pfx=None)
    if body.pfx:
        pfx = Pfx(location=body.pfx, fetched_at=at)
        return replace(ssl, ca_type="custom", server=None, pfx=pfx)
    if ssl.pfx and body.pfx is None and body.ca_type is None:
        return ssl
    ca_type = body.ca_type or ssl.ca_type or "aliyun"
    covered = ssl.server is not None and ssl.ca_type == ca_type
    moved = body.connection_string is not None and ca_type == "aliyun"
    if covered and not body.renew and not moved:
        return ssl
    return replace(ssl, ca_type="aliyun", server=issue(ssl.connection_string, at), pfx=None)


def show(instance: Instance, view: View, events: Iterable[Event]) -> Fields:
    """Everything that is true of an instance, whatever Describe shows; never a private key."""
    change = instance.change
    return {
        "id": instance.id,
        "profile": instance.profile.name,
        "region": instance.region,
        "account": instance.account,
        "engine": instance.profile.engine,
        "engine_version": instance.profile.engine_version,
        "status": view.status,
        "lock_mode": instance.lock_mode,
        "kernel_version": instance.kernel_version,
        "maintain_time": instance.maintain_time,
        "master_instance_id": instance.master_instance_id,
        "description": instance.description,
        "tags": dict(instance.tags),
        "accepted": instance.accepted,
        "restarts": instance.restarts,
        "endpoints": [
            {"host": each.host, "port": each.port, "ip_type": each.ip_type, "kind": each.kind}
            for each in instance.endpoints
        ],
        "hba_rows": [list(row) for row in instance.hba_rows],
        "ssl": {
            **show_settings(instance.ssl),
            "last_modify_status": instance.last_modify_status,
            "modify_status_reason": instance.modify_status_reason,
        },
        "change": None
        if change is None
        else {
            "accepted_at": change.accepted_at.isoformat(),
            "busy_from": change.busy_from.isoformat(),
            "ends_at": change.ends_at.isoformat(),
            "restarts": change.restarts,
            "outcome": str(change.ending.outcome),
            "ssl": show_settings(change.target),
        },
        "events": [_event(event) for event in events],
    }


def _event(event: Event) -> Fields:
    shown: Fields = {"at": event.at.isoformat(), "what": event.what}
    if event.acceptance:
        shown["before"] = show_settings(event.acceptance.before)
        shown["target"] = show_settings(event.acceptance.target)
        shown["overlaps"] = event.acceptance.overlaps
    return shown


def show_settings(ssl: Settings) -> Fields:
    """SSL settings by their fingerprints."""
    server, end = ssl.server, ssl.expires_at
    return {
        "enabled": ssl.enabled,
        "connection_string": ssl.connection_string,
        "ca_type": ssl.ca_type,
        "server_sha256": server.sha256 if server else None,
        "chain_sha256": list(server.chain_sha256) if server else [],
        "server_subject": server.subject if server else None,
        "expire_time": to_wire(end) if end else None,
        "pfx": ssl.pfx.location if ssl.pfx else "",
        "client_ca_sha256": _fingerprints(ssl.client_ca),
        "crl_sha256": _fingerprints(ssl.crl),
        "acl": ssl.acl,
        "replication_acl": ssl.replication_acl,
        "force_encryption": ssl.force_encryption,
        "tls_version": ssl.tls_version,
    }


def _fingerprints(bundle: Bundle | None) -> list[str]:
    return list(bundle.sha256) if bundle else []
