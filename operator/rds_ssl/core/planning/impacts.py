"""
What a plan does to those who use the database, without the restart.

Pure. Source: docs/conditions.md, "The plan in status".
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rds_ssl.core.model import ACL, CAType, CertificateFacts, Engine, Impact, Observed, Restart
from rds_ssl.core.planning.desired import TLS_VERSIONS, Desired
from rds_ssl.core.planning.fields import Comparison, Field
from rds_ssl.core.x509.revocation import revocation_weakens

_STRICTER = frozenset(
    {(ACL.PREFER, ACL.VERIFY_CA), (ACL.PREFER, ACL.CERT), (ACL.PREFER, ACL.VERIFY_FULL)}
    | {(ACL.VERIFY_CA, ACL.VERIFY_FULL), (ACL.CERT, ACL.VERIFY_FULL)}
)
"""
(before, after) that only adds demands. ``cert`` asks for a certificate of that user and no
password, ``verify-ca`` for any certificate of the CA and a password, ``verify-full`` for both.
The reverse only takes demands away; between ``cert`` and ``verify-ca`` it is some of both.
"""


_LOOSENED_IF_LEFT_OUT = frozenset({"ForceEncryption", "TlsVersion"})
"""What is sent as it is shown; of a word that nobody knows it is left out, and may be reset."""


def impacts_of(
    desired: Desired, observed: Observed, comparison: Comparison, *, now: datetime | None = None
) -> Iterator[Impact]:
    """
    Yield the impacts, some twice; what cannot be told counts as if it were so.

    Args:
        now: A CA that has expired by then is trusted by nobody; None: none has.
    """
    open_fields = comparison.different | comparison.unknown
    if Field.FORCE_ENCRYPTION in open_fields:
        yield Impact.TIGHTENS if desired.force_encryption else Impact.WEAKENS
    if any(field in _LOOSENED_IF_LEFT_OUT for field, _ in observed.not_understood):
        yield Impact.WEAKENS
    if not observed.enabled:
        if desired.enabled and desired.client_ca:
            yield Impact.TIGHTENS
        return
    if not desired.enabled:
        yield Impact.WEAKENS
        if _living(observed.client_ca, now) and _demands(*observed.acls):
            yield Impact.DROPS_TRUST
        return
    if Field.CONNECTION_STRING in open_fields:
        yield Impact.MOVES_ENDPOINT
    yield from _server_impacts(desired, observed, open_fields)
    yield from _client_impacts(desired, observed, open_fields, now)
    if Field.MINIMUM_TLS_VERSION in open_fields and desired.minimum_tls_version:
        yield from _tls_impacts(observed.minimum_tls_version, desired.minimum_tls_version)


def _tls_impacts(before: str | None, after: str) -> Iterator[Impact]:
    # Not told is any other version than the one that is wanted.
    old = TLS_VERSIONS if before is None else (before,)
    if any(each < after for each in old):
        yield Impact.TIGHTENS
    if any(each > after for each in old):
        yield Impact.WEAKENS


def _server_impacts(
    desired: Desired, observed: Observed, open_fields: frozenset[Field]
) -> Iterator[Impact]:
    if Field.CA_TYPE in open_fields:
        yield Impact.TRUST_CHANGES
        if desired.ca_type is CAType.ALIYUN:
            yield Impact.WEAKENS
    if Field.PFX in open_fields:
        yield Impact.TRUST_CHANGES
    if Field.SERVER_CERTIFICATE in open_fields:
        old, new = observed.server_certificate, desired.server_certificate
        if old is None or new is None or old.issuer != new.issuer:
            yield Impact.TRUST_CHANGES


def _demands(*acls: ACL | None) -> bool:
    """True if one of *acls* may ask clients for a certificate; None is not told."""
    return any(each is not ACL.PREFER for each in acls)


def _living(
    cas: Sequence[CertificateFacts] | None, now: datetime | None
) -> Sequence[CertificateFacts]:
    """Return those whose clients are not refused anyway; one to come is among them."""
    return [each for each in cas or () if now is None or now < each.not_after]


def _client_impacts(
    desired: Desired, observed: Observed, open_fields: frozenset[Field], now: datetime | None
) -> Iterator[Impact]:
    in_force = observed.client_ca or ()
    if desired.client_ca and not in_force:
        yield Impact.TIGHTENS
    if in_force and not desired.client_ca:
        yield Impact.WEAKENS
    kept = {each.sha256 for each in desired.client_ca}
    gone = any(each.sha256 not in kept for each in _living(in_force, now))
    # Without a client CA the server asks for no certificate. With one it refuses each that it is
    # shown of another CA, and clients show what they have, also where none is needed.
    if gone and (desired.client_ca or _demands(*observed.acls)):
        yield Impact.DROPS_TRUST
    if desired.revocation_list and not observed.lists_in_force:
        yield Impact.TIGHTENS
    if revocation_weakens(observed.lists_in_force or (), desired.revocation_list):
        yield Impact.WEAKENS
    for field, old, new in zip(
        (Field.ACL, Field.REPLICATION_ACL), observed.acls, desired.acls, strict=True
    ):
        if in_force and field not in open_fields:
            continue
        before = old if in_force else ACL.PREFER
        if before is None or (before is not new and (before, new) not in _STRICTER):
            yield Impact.WEAKENS
        if before is None or (before is not new and (new, before) not in _STRICTER):
            yield Impact.TIGHTENS


_QUIET = frozenset(
    {Field.ACL, Field.REPLICATION_ACL, Field.FORCE_ENCRYPTION, Field.MINIMUM_TLS_VERSION}
)
"""Fields of which no page says that changing them restarts."""


def predict_restart(comparison: Comparison, *, engine: str, engine_version: str) -> Restart:
    """
    Predict from what is *sent*, which is always the complete set.

    On, off, endpoint, own certificate, client CA, CRL and a renewal restart; only the renewal on
    MySQL 8.0 does not (documented). An ACL alone is documented without a restart and of forced
    encryption and the TLS minimum nothing is, but they go with SSLEnabled=1, which may re-issue
    the certificate and restart: nobody has proved otherwise.
    """
    named = comparison.different | comparison.unknown
    if named <= _QUIET:
        return Restart.UNKNOWN
    if named == {Field.RENEWAL} and engine == Engine.MYSQL and engine_version == "8.0":
        return Restart.NONE
    return Restart.EXPECTED
