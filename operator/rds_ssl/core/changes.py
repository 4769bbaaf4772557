"""
What a plan changes, in words for people. Pure.

Names of certificates come from outside: they are cut and made printable.
"""

from collections.abc import Iterator, Mapping

from rds_ssl.core.comparison import Comparison, Field
from rds_ssl.core.desired import Desired
from rds_ssl.core.facts import shown, title
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Change, Observed, RevocationListFacts
from rds_ssl.core.revocation import serials_left


def changes(desired: Desired, observed: Observed, comparison: Comparison) -> tuple[Change, ...]:
    """Put into words what a call would change, in the order of the spec."""
    named = comparison.different | comparison.unknown
    if Field.ENABLED in named and desired.enabled:
        # Off shows nothing else: what is turned on is named as a whole.
        named |= {Field.CONNECTION_STRING, Field.CA_TYPE}
        if desired.server_certificate:
            named |= {Field.SERVER_CERTIFICATE}
        if desired.pfx:
            named |= {Field.PFX}
        if desired.client_ca:
            named |= {Field.CLIENT_CA, Field.ACL, Field.REPLICATION_ACL}
        if desired.revocation_list:
            named |= {Field.REVOCATION_LIST}
        if desired.minimum_tls_version:
            named |= {Field.MINIMUM_TLS_VERSION}
    words = _words(desired, observed)
    return tuple(
        Change(field=field.value, before=before, after=after)
        for field, (before, after) in words.items()
        if field in named
    )


def notes(desired: Desired, observed: Observed) -> Iterator[str]:
    """Say what the reader should know beside the changes: who is not revoked any more."""
    if not (observed.enabled and desired.enabled):
        return
    left = serials_left(observed.revocation_list or (), desired.revocation_list)
    for issuer, serials in left.items():
        named = ", ".join(f"{each:x}" for each in serials[:10])
        more = f" and {len(serials) - 10} more" if len(serials) > 10 else ""
        yield f"No longer revoked by {shown(issuer)}: {named}{more}."


def _words(desired: Desired, observed: Observed) -> Mapping[Field, tuple[str, str]]:
    """Put every field into words, before and after, in the order of the spec."""
    hidden = observed.enabled and observed.force_encryption is None
    forced = "not shown" if hidden else _on(bool(observed.force_encryption))
    renewed = f"until {desired.renews:%Y-%m-%d}" if desired.renews else "not shown"
    words = {
        Field.ENABLED: (_on(observed.enabled), _on(desired.enabled)),
        Field.CONNECTION_STRING: (observed.connection_string or "none", desired.connection_string),
        Field.CA_TYPE: (_text(observed.ca_type), desired.ca_type.value),
        Field.SERVER_CERTIFICATE: (
            _certificate(observed.server_certificate),
            _certificate(desired.server_certificate),
        ),
        Field.PFX: ("not shown", desired.pfx),
        Field.RENEWAL: (f"a cloud certificate {renewed}", "a new one"),
        Field.CLIENT_CA: (_bundle(observed.client_ca), _bundle(desired.client_ca)),
        Field.REVOCATION_LIST: (
            _lists(observed.revocation_list),
            _lists(desired.revocation_list),
        ),
        Field.ACL: (_acl(observed.acl), desired.acl.value),
        Field.REPLICATION_ACL: (_acl(observed.replication_acl), desired.replication_acl.value),
        Field.FORCE_ENCRYPTION: (forced, _on(desired.force_encryption)),
        Field.MINIMUM_TLS_VERSION: (
            observed.minimum_tls_version or "not shown",
            desired.minimum_tls_version or "not managed",
        ),
    }
    if not observed.enabled:
        # There is nothing that could be shown.
        return {
            field: (
                before if field in {Field.ENABLED, Field.FORCE_ENCRYPTION} else "none",
                after,
            )
            for field, (before, after) in words.items()
        }
    return words


def _on(value: bool) -> str:  # noqa: FBT001  # A word for a flag has nothing but the flag.
    return "on" if value else "off"


def _text(value: CAType | None) -> str:
    return value.value if value else "not shown"


def _acl(value: ACL | None) -> str:
    return value.value if value else "none"


def _certificate(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "not shown"
    return f"{title(facts)} ({facts.sha256[:16]}, until {facts.not_after:%Y-%m-%d})"


def _bundle(cas: tuple[CertificateFacts, ...] | None) -> str:
    if not cas:
        return "none"
    return ", ".join(f"{title(each)} ({each.sha256[:16]})" for each in cas)


def _lists(lists: tuple[RevocationListFacts, ...] | None) -> str:
    if not lists:
        return "none"
    return ", ".join(
        f"{shown(each.issuer)} ({each.sha256[:16]}, {len(each.serials)} revoked)" for each in lists
    )
