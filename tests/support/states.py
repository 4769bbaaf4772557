"""States for tests of pure decisions: declared, observed, applied, under way; all invented."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from rds_ssl.core.api.states import BeforeStatus
from rds_ssl.core.api.status import AppliedStatus, OperationStatus
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Observed, Phase, RevocationListFacts
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.parameters import Material
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.x509.facts import (
    ClientCAFacts,
    ClientCAMaterial,
    Link,
    RevocationListMaterial,
    ServerFacts,
    ServerMaterial,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOST = "orders.pg.rds.aliyuncs.com"
OTHER_HOST = "orders-public.pg.rds.aliyuncs.com"


def certificate(
    name: str = "leaf", *, issuer: str = "CN=issuer", not_after: datetime = NOW + 90 * DAY
) -> CertificateFacts:
    """Make a certificate; *name* tells it from others."""
    return CertificateFacts(
        sha256=f"{name:0<64}",
        subject=f"CN={name}",
        issuer=issuer,
        dns_names=(HOST,),
        not_before=NOW - DAY,
        not_after=not_after,
    )


def revocation_list(
    issuer: str = "CN=ca",
    *,
    number: int | None = 5,
    this_update: datetime = NOW - DAY,
    serials: Iterable[int] = (),
) -> RevocationListFacts:
    """Make a CRL; two with the same arguments are the same list."""
    revoked = frozenset(serials)
    return RevocationListFacts(
        sha256=sha256(f"{issuer} {number} {this_update} {sorted(revoked)}".encode()).hexdigest(),
        issuer=issuer,
        number=number,
        this_update=this_update,
        next_update=NOW + 30 * DAY,
        serials=revoked,
    )


LEAF = certificate("leaf")
CA = certificate("ca")
OTHER_CA = certificate("other-ca")
CRL = revocation_list()

OFF = Desired(enabled=False, connection_string=HOST)
CLOUD = Desired(enabled=True, connection_string=HOST)
CUSTOM = Desired(
    enabled=True, connection_string=HOST, ca_type=CAType.CUSTOM, server_certificate=LEAF
)
MUTUAL = Desired(
    enabled=True,
    connection_string=HOST,
    ca_type=CAType.CUSTOM,
    server_certificate=LEAF,
    client_ca=(CA,),
    revocation_list=(CRL,),
    acl=ACL.VERIFY_CA,
    replication_acl=ACL.VERIFY_CA,
)
KEY = "-----BEGIN PRIVATE KEY-----"
SERVER = ServerMaterial(
    facts=ServerFacts(
        links=(Link(certificate=LEAF, rsa_bits=None, signature_hash="sha256"),),
        common_name=HOST,
        issuer_common_name="issuer",
        is_ca=False,
        for_servers=True,
    ),
    certificate_pem="CHAIN",
    private_key_pem=SecretText(KEY),
)
CAS = ClientCAMaterial(
    cas=(ClientCAFacts(certificate=CA, is_ca=True, may_sign_lists=True),), pem="CAS"
)
LISTS = RevocationListMaterial(lists=(CRL,), pem="LISTS")
NOTHING = Material()
PAIR = Material(server=SERVER)
"""What is sent for CUSTOM; the next two for MUTUAL without, and with its revocation list."""
TRUST = Material(server=SERVER, client_ca=CAS)
WHOLE = Material(server=SERVER, client_ca=CAS, revocation_list=LISTS)

CLOUD_LEAF = certificate("cloud", issuer="CN=vendor", not_after=NOW + 365 * DAY)


def postgresql(state: Desired) -> Observed:
    """Show *state* as a PostgreSQL does, which echoes all but ForceEncryption."""
    if not state.enabled:
        return Observed(enabled=False)
    leaf = state.server_certificate or CLOUD_LEAF
    return Observed(
        enabled=True,
        ca_type=state.ca_type,
        connection_string=state.connection_string,
        server_certificate=leaf,
        client_ca=state.client_ca,
        revocation_list=state.revocation_list,
        acl=state.acl,
        replication_acl=state.replication_acl,
        force_encryption=state.force_encryption or None,
        expire_time=leaf.not_after,
        last_modify_status="success",
    )


def mysql(state: Desired) -> Observed:
    """Show *state* as a MySQL does, which echoes neither CAType nor certificate."""
    if not state.enabled:
        return Observed(enabled=False, force_encryption=False)
    leaf = state.server_certificate or CLOUD_LEAF
    return Observed(
        enabled=True,
        connection_string=state.connection_string,
        force_encryption=state.force_encryption,
        expire_time=leaf.not_after,
    )


def applied(
    state: Desired, *, time: datetime = NOW - DAY, request_id: str | None = "R"
) -> AppliedStatus:
    """Make the record that *state* was applied; *request_id* None: it was adopted."""
    return AppliedStatus(
        state=state.state,
        time=time,
        request_id=request_id,
    )


def operation(
    state: Desired = MUTUAL,
    *,
    phase: Phase = Phase.ACCEPTED,
    start: datetime = NOW,
    attempt: int = 1,
    before: Observed | None = None,
    **fields: object,
) -> OperationStatus:
    """Make the record of a call that leads to *state*; *before* is what was seen before it."""
    return OperationStatus.model_validate(
        {
            "digest": state.digest,
            "target": state.state,
            "phase": phase,
            "start_time": start,
            "attempt": attempt,
            "before": BeforeStatus.model_validate(
                {
                    "enabled": before.enabled,
                    "expire_time": before.expire_time,
                    "last_modify_status": before.last_modify_status or None,
                },
                by_name=True,
            )
            if before
            else None,
            **fields,
        },
        by_name=True,
    )
