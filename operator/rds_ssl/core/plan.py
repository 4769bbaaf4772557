"""
Desired + observed + applied → what is to be done, what it does to people, and how it is sent.

Pure. Source: design, "What is sent" and "Impacts and gates"; restarts: the vendor's pages.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rds_ssl.core.comparison import (
    MATERIAL,
    Comparison,
    Field,
    changes,
    compare,
    observed_material_digest,
)
from rds_ssl.core.desired import OFF, Desired
from rds_ssl.core.facts import ClientCAMaterial, RevocationListMaterial, ServerMaterial, shown
from rds_ssl.core.impacts import impacts_of
from rds_ssl.core.model import (
    CAType,
    Change,
    Engine,
    Impact,
    Observed,
    Phase,
    Restart,
    SecretText,
)
from rds_ssl.core.observation import host_name
from rds_ssl.core.revocation import serials_left
from rds_ssl.core.status import AppliedStatus, OperationStatus

_LEFT_BEHIND = frozenset({Phase.FAILED, Phase.NOT_CONVERGING, Phase.TIMED_OUT})
"""Ends of an own operation that may leave the instance half changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One call that is to be made. *to* is the digest of the state it leads to."""

    digest: str
    to: str
    changes: tuple[Change, ...]
    impacts: tuple[Impact, ...]
    restart: Restart
    material_only: bool
    """
    A rotation: only the declared material is newer than what was applied, and what was applied is
    what the instance shows.
    """
    first_contact: bool
    drift: bool
    """The declaration is applied; somebody else changed the instance."""
    notes: tuple[str, ...] = ()
    """What the reader should know beside the changes; sentences."""

    @property
    def summary(self) -> str:
        """The plan in one line, for people."""
        what = "; ".join(f"{each.field}: {each.before} → {each.after}" for each in self.changes)
        impacts = ", ".join(self.impacts) or "none"
        return " ".join((f"{what}. Impacts: {impacts}.", *self.notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the instance stands to what is declared: a plan, or nothing to do."""

    comparison: Comparison
    plan: Plan | None
    declared_applied: bool
    """Both digests of the declaration are those of `applied`."""


def is_first_contact(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """Neither `applied` nor an own operation that was accepted; a refusal's request is none."""
    if applied is not None:
        return False
    if operation is None or operation.phase in {Phase.SENDING, Phase.REFUSED}:
        return True
    # An unknown outcome that was seen at work becomes Accepted without a request.
    return operation.phase is not Phase.ACCEPTED and not operation.request_id


def stand(
    desired: Desired,
    observed: Observed,
    *,
    engine: str,
    uid: str,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
) -> Standing:
    """
    Say what is to be done; *uid* is the object's, so that no other object's approval fits.

    Unknown fields make a plan only where nothing resolves them: at first contact (such a plan is
    held, unless Overwrite), or after an own operation. Whether the certificate is the vendor's,
    which MySQL never tells, is no reason for a call as long as this object asked for no other.
    """
    comparison = compare(desired, observed, applied=applied)
    declared_applied = applied is not None and (
        applied.settings_digest == desired.settings_digest
        and applied.material_digest in {None, desired.material_digest}
    )
    open_questions = comparison.unknown
    if desired.ca_type is CAType.ALIYUN and _never_custom(applied, operation):
        open_questions -= {Field.CA_TYPE}
    if not comparison.different and (declared_applied or not open_questions):
        comparison = replace(comparison, unknown=open_questions)
        return Standing(comparison=comparison, plan=None, declared_applied=declared_applied)
    found = tuple(impacts_of(desired, observed, comparison))
    restart = predict_restart(desired, observed, comparison, engine=engine)
    impacts = tuple(
        each
        for each in Impact
        if each in found or (each is Impact.RESTART and restart is not Restart.NONE)
    )
    words = changes(desired, observed, comparison)
    plan = Plan(
        digest=_plan_digest(
            uid=uid,
            before=_facts_before(observed, words),
            impacts=impacts,
            to=desired.digest,
            applied_at=applied.time if applied else None,
            ended=operation.start_time if operation else None,
        ),
        to=desired.digest,
        changes=words,
        impacts=impacts,
        restart=restart,
        material_only=applied is not None
        and applied.settings_digest == desired.settings_digest
        and applied.material_digest not in {None, desired.material_digest}
        and comparison.different | comparison.unknown <= MATERIAL
        and observed_material_digest(observed) in {None, applied.material_digest},
        first_contact=is_first_contact(applied, operation),
        drift=declared_applied and not _own_left(applied, operation),
        notes=tuple(_notes(desired, observed)),
    )
    return Standing(comparison=comparison, plan=plan, declared_applied=declared_applied)


def _never_custom(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """Whether no call of this object can have brought a certificate of its own."""
    untouched = operation is None or operation.phase is Phase.REFUSED
    return untouched and (applied is None or applied.settings_digest == OFF)


def _own_left(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """Whether a difference may come from an own operation: one since the state was applied."""
    if operation is None or operation.phase not in _LEFT_BEHIND:
        return False
    return applied is None or operation.start_time >= applied.time


def _facts_before(observed: Observed, words: tuple[Change, ...]) -> Mapping[str, object]:
    """What a plan starts from, by its fields; the vendor's own certificate moves by itself."""
    leaf = observed.server_certificate
    custom = leaf is not None and observed.ca_type is not CAType.ALIYUN
    facts: Mapping[Field, object] = {
        Field.ENABLED: observed.enabled,
        Field.CONNECTION_STRING: host_name(observed.connection_string or ""),
        Field.CA_TYPE: observed.ca_type,
        Field.SERVER_CERTIFICATE: leaf.sha256 if leaf and custom else None,
        Field.CLIENT_CA: sorted(each.sha256 for each in observed.client_ca or ()),
        Field.REVOCATION_LIST: sorted(each.sha256 for each in observed.revocation_list or ()),
        Field.ACL: observed.acl,
        Field.REPLICATION_ACL: observed.replication_acl,
        Field.FORCE_ENCRYPTION: observed.force_encryption,
    }
    return {each.field: facts[Field(each.field)] for each in words}


def _plan_digest(
    *,
    uid: str,
    before: Mapping[str, object],
    impacts: tuple[Impact, ...],
    to: str,
    applied_at: datetime | None,
    ended: datetime | None,
) -> str:
    # No expiry dates and no names: they move without the plan being another one.
    value = {
        "uid": uid,
        "from": before,
        "impacts": impacts,
        "to": to,
        "applied": applied_at.isoformat() if applied_at else None,
        "ended": ended.isoformat() if ended else None,
    }
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def predict_restart(
    desired: Desired, observed: Observed, comparison: Comparison, *, engine: str
) -> Restart:
    """
    Predict from what is *sent*, which is always the complete set.

    On, off, endpoint, own certificate, client CA and CRL restart (documented). An ACL alone is
    documented without a restart and of forced encryption nothing is, but they go with
    SSLEnabled=1, which may re-issue the certificate and restart: nobody has proved otherwise.
    """
    del desired, observed, engine
    quiet = {Field.ACL, Field.REPLICATION_ACL, Field.FORCE_ENCRYPTION}
    if comparison.different | comparison.unknown <= quiet:
        return Restart.UNKNOWN
    return Restart.EXPECTED


def _notes(desired: Desired, observed: Observed) -> Iterator[str]:
    if not (observed.enabled and desired.enabled):
        return
    left = serials_left(observed.revocation_list or (), desired.revocation_list)
    for issuer, serials in left.items():
        named = ", ".join(f"{each:x}" for each in serials[:10])
        more = f" and {len(serials) - 10} more" if len(serials) > 10 else ""
        yield f"No longer revoked by {shown(issuer)}: {named}{more}."


def removals(desired: Desired, observed: Observed) -> tuple[str, ...]:
    """Name what the declaration takes away from client authentication, in words of the spec."""
    if not (desired.enabled and observed.enabled):
        return ()
    found: list[str] = []
    if observed.client_ca and not desired.client_ca:
        found.append(Field.CLIENT_CA.value)
    if observed.revocation_list and not desired.revocation_list:
        found.append(Field.REVOCATION_LIST.value)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is sent, with the key: lives for one pass."""

    server: ServerMaterial | None = None
    client_ca: ClientCAMaterial | None = None
    revocation_list: RevocationListMaterial | None = None


def _check(desired: Desired, material: Material, *, engine: str) -> None:
    """Refuse to send less than the whole state: the rest would be taken for applied."""
    custom = desired.ca_type is CAType.CUSTOM
    if custom and engine not in {Engine.MYSQL, Engine.POSTGRESQL}:
        raise ValueError("the engine has no parameter for a custom certificate")
    if (desired.client_ca or desired.revocation_list) and engine != Engine.POSTGRESQL:
        raise ValueError("the engine has no parameter for client authentication")
    server, cas, lists = material.server, material.client_ca, material.revocation_list
    if (
        custom != bool(server)
        or (server.leaf if server else None) != desired.server_certificate
        or set(cas.certificates if cas else ()) != set(desired.client_ca)
        or set(lists.lists if lists else ()) != set(desired.revocation_list)
    ):
        raise ValueError("the material is not that of the plan")


def parameters(
    desired: Desired,
    observed: Observed,
    material: Material,
    *,
    engine: str,
    comparison: Comparison | None = None,
) -> Mapping[str, str | SecretText]:
    """
    Give the parameters of ModifyDBInstanceSSL for *engine*: the complete set, never a difference.

    Without the instance and its region. A call without CAType could silently replace a custom
    certificate; ACLs are refused without a CA; what an engine does not have is not sent.
    Source: design, "What is sent"; the page of ModifyDBInstanceSSL.

    Args:
        comparison: Of the plan; it knows of forced encryption that is not echoed.

    Raises:
        ValueError: The set would not be complete: *material* is not that of *desired*, or the
            engine has no such parameter (`rds_ssl.core.eligibility` says so before).
    """
    if desired.enabled:
        _check(desired, material, engine=engine)
    sent: dict[str, str | SecretText] = {
        "ConnectionString": desired.connection_string,
        "SSLEnabled": "1" if desired.enabled else "0",
    }
    unforced = comparison is not None and Field.FORCE_ENCRYPTION in comparison.different
    if observed.force_encryption or desired.force_encryption or unforced:
        sent["ForceEncryption"] = "1" if desired.force_encryption else "0"
    if not desired.enabled:
        return sent
    if engine == Engine.SQLSERVER and observed.minimum_tls_version:
        # Not managed, so as it is: an omitted parameter may be reset.
        sent["TlsVersion"] = observed.minimum_tls_version
    if engine not in {Engine.MYSQL, Engine.POSTGRESQL}:
        return sent
    sent["CAType"] = desired.ca_type.value
    if desired.ca_type is CAType.CUSTOM and material.server:
        sent["ServerCert"] = material.server.certificate_pem
        sent["ServerKey"] = material.server.private_key_pem
    if engine == Engine.POSTGRESQL:
        sent |= _client_parameters(desired, observed, material)
    return sent


def _client_parameters(
    desired: Desired, observed: Observed, material: Material
) -> Mapping[str, str]:
    sent: dict[str, str] = {}
    if material.client_ca:
        sent["ClientCAEnabled"] = "1"
        sent["ClientCACert"] = material.client_ca.pem
        sent["ACL"] = desired.acl.value
        sent["ReplicationACL"] = desired.replication_acl.value
    elif observed.client_ca:
        # Left out it may stay in force.
        sent["ClientCAEnabled"] = "0"
    if material.revocation_list:
        sent["ClientCrlEnabled"] = "1"
        sent["ClientCertRevocationList"] = material.revocation_list.pem
    elif observed.revocation_list:
        sent["ClientCrlEnabled"] = "0"
    return sent
