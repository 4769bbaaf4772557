"""What a call that was accepted did, told by the settings before and after it."""

from datetime import datetime
from typing import Any

from rds_simulator.machine import Settings
from rds_ssl.core.api.states import StateStatus
from support.engine_world import Accepted

Json = dict[str, Any]

UNSEEN = 5.0
"""Seconds between a read and the call that rests on it, at most: somebody may come in between."""

APPROVAL_REQUIRED = ("Weakens", "DropsTrust", "MovesEndpoint")
"""The default of ``spec.approvalRequired``."""


def meaning(settings: Settings) -> tuple[object, ...]:
    """Reduce settings to what a person declares: a cloud certificate is as good as the next."""
    if not settings.enabled:
        return (False,)
    custom = settings.ca_type == "custom" and settings.server is not None
    return (
        True,
        settings.connection_string,
        settings.ca_type,
        settings.server.chain_sha256 if custom and settings.server else None,
        frozenset(settings.client_ca.sha256) if settings.client_ca else None,
        # Without a client CA there is nobody whom a list could be about.
        frozenset(settings.crl.sha256) if settings.crl and settings.client_ca else None,
        settings.acl,
        settings.replication_acl,
        settings.force_encryption,
        settings.tls_version,
        settings.pfx.location if settings.pfx else None,
    )


def sent(call: Accepted) -> StateStatus:
    """Give the state that the write-ahead record says the call leads to; off without a record."""
    record = call.manifest["status"]["operation"]["target"] if call.manifest else None
    return state(record)


def state(block: Json | None) -> StateStatus:
    """Read a state out of a status; None is SSL off."""
    off = {"enabled": False, "connectionString": "", "forceEncryption": False}
    return StateStatus.model_validate(block or off, by_alias=True, by_name=False)


def renewed_end(call: Accepted) -> datetime | None:
    """Give the end of the certificate that the call renews, or nothing."""
    return sent(call).renews


def required(manifest: Json) -> set[str]:
    """Give the impacts that need an approval."""
    if "deletionTimestamp" in manifest["metadata"]:
        return set()  # deletionPolicy: Disable approves turning SSL off.
    return set(manifest["spec"].get("approvalRequired", APPROVAL_REQUIRED))


def impacts(call: Accepted) -> set[str]:
    """Give what a call does to people, as far as the two states tell; no CA in them has expired."""
    before, target = call.before, call.target
    found = {"Restart"} if call.restarts and not renewed_end(call) else set()
    if not before.enabled:
        return found
    demands = {before.acl, before.replication_acl} != {"prefer"}
    left = set(target.client_ca.sha256 if target.enabled and target.client_ca else ())
    # Who shows a certificate of a CA that is not trusted is refused, though none be demanded;
    # but where no CA is left, none is asked for.
    if before.client_ca and (demands or left) and not set(before.client_ca.sha256) <= left:
        found.add("DropsTrust")
    if not target.enabled:
        return found | {"Weakens"}
    if before.ca_type == "custom" and target.ca_type != "custom":
        found.add("Weakens")
    if before.client_ca and not target.client_ca:
        found.add("Weakens")
    if before.client_ca and target.acl == "prefer" and before.acl != "prefer":
        found.add("Weakens")
    if before.force_encryption and not target.force_encryption:
        found.add("Weakens")
    if target.tls_version < before.tls_version:
        found.add("Weakens")
    if before.connection_string != target.connection_string:
        found.add("MovesEndpoint")
    return found


def is_first_contact(call: Accepted) -> bool:
    """Whether an instance with SSL is changed for an object that has never been applied to it."""
    manifest = call.manifest or {}
    return (
        call.before.enabled
        and not manifest["status"].get("applied")
        and manifest["spec"].get("adoptionPolicy") != "Overwrite"
    )


FIELDS = (
    "enabled",
    "endpoint",
    "caType",
    "certificate",
    "clientCA",
    "revocationList",
    "acl",
    "replicationACL",
    "forced",
    "tls",
    "pfx",
)
"""The names of what `meaning` tells, in order."""


def differing(one: Settings, other: Settings) -> frozenset[str]:
    """Name what two settings do not have in common; of one with SSL off, all that the other has."""
    if one.enabled and other.enabled:
        pairs = zip(FIELDS, meaning(one), meaning(other), strict=True)
        return frozenset(name for name, this, that in pairs if this != that)
    if one.enabled == other.enabled:
        return frozenset()
    on = one if one.enabled else other
    every = zip(FIELDS, meaning(on), meaning(Settings(enabled=True)), strict=True)
    return frozenset(name for name, this, plain in every if this != plain or name == "enabled")
