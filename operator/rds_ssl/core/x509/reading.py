"""
From DER to facts: what cryptography reads, and a word where it does not.

All that its parsers may raise ends here as None; and their warnings (a serial number of zero, an
over-long name) are silenced, because what they announce for some later version decides nothing
about a certificate that OpenSSL, in the instance, accepts.
"""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from rds_ssl.core.formats import escaped
from rds_ssl.core.model import UNTOLD, CertificateFacts, RevocationListFacts
from rds_ssl.core.x509 import bounds, lax_der

# Not `warnings.catch_warnings`, which is not safe across threads: large files are read in one.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)

_UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    exceptions.InternalError,
    exceptions.UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""All that cryptography raises for bytes that are no certificate, list or key."""

Certificate = tuple[x509.Certificate, CertificateFacts]
RevocationList = tuple[x509.CertificateRevocationList, RevocationListFacts]

_T = TypeVar("_T")
_E = TypeVar("_E", bound=x509.ExtensionType)

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def attempt(read: Callable[[], _T]) -> _T | None:
    """Return what *read* gives, which uses cryptography on foreign bytes; None: unreadable."""
    try:
        return read()
    except _UNREADABLE:
        return None


def read_certificate(der: bytes) -> Certificate | None:
    """
    Return a certificate that can be used, with its facts; None if it is not to be read.

    It is parsed whole: cryptography reads names, dates and extensions only when asked for.
    """
    return None if bounds.certificate_excess(der) else attempt(partial(_certificate, der))


def read_revocation_list(der: bytes) -> RevocationList | None:
    """Return a revocation list with its facts (its serials are costly to read), or None."""
    return None if bounds.revocation_list_excess(der) else attempt(partial(_revocation_list, der))


def certificate_fault(der: bytes) -> str:
    """
    Return why *der* is no certificate that can be used, as ``it has …``; empty if it is one.

    Whoever has made it should know whether it is damaged or only of an unusual kind.
    """
    if excess := bounds.certificate_excess(der):
        return excess
    certificate = attempt(lambda: x509.load_der_x509_certificate(der))
    if certificate is None:
        return _der_fault(der, found=lax_der.certificate_facts(der).second is not None)
    if attempt(lambda: certificate_facts(certificate)) is None:
        return "its version, or one of its extensions, cannot be read"
    if attempt(certificate.public_key) is None:
        return "it has a key of a kind, or on a curve, that is not supported"
    if certificate.serial_number < 0:
        return "it has a negative serial number, which RFC 5280 forbids"
    return ""


def revocation_list_fault(der: bytes) -> str:
    """Return the same of a revocation list."""
    if excess := bounds.revocation_list_excess(der):
        return excess
    if read_revocation_list(der) is not None:
        return ""
    if attempt(lambda: x509.load_der_x509_crl(der)) is not None:
        return "its version, or one of its extensions, cannot be read"
    return _der_fault(der, found=lax_der.list_facts(der).first is not None)


def shown_certificate(der: bytes) -> CertificateFacts:
    """
    Return the facts of a certificate that an instance shows, however odd it is.

    What cannot be used has `CertificateFacts.unreadable`. Its SHA-256 is that of *der* all the
    same, so that it is never equal to a certificate that can be.
    """
    fault = certificate_fault(der)
    first = lax_der.first_element(der)
    # Without what stands behind its end, as in OpenSSL's own TRUSTED CERTIFICATE.
    facts = (
        None
        if bounds.certificate_excess(first)
        else attempt(lambda: certificate_facts(x509.load_der_x509_certificate(first)))
    )
    if facts is None:
        lax = lax_der.certificate_facts(der)
        facts = CertificateFacts(
            sha256="",
            subject=lax.subject,
            issuer=lax.issuer,
            dns_names=(),
            not_before=lax.first or _EARLIEST,
            not_after=lax.second or UNTOLD,
        )
    return replace(facts, sha256=hashlib.sha256(der).hexdigest(), unreadable=fault)


def shown_revocation_list(der: bytes) -> RevocationListFacts:
    """Return the same of a revocation list; if it cannot be read, what it revokes is not known."""
    pair = read_revocation_list(der)
    if pair is not None:
        return pair[1]
    lax = lax_der.list_facts(der)
    return RevocationListFacts(
        sha256=hashlib.sha256(der).hexdigest(),
        issuer=lax.issuer,
        number=None,
        this_update=lax.first or _EARLIEST,
        next_update=lax.second,
        serials=frozenset(),
        unreadable=revocation_list_fault(der),
    )


def _der_fault(der: bytes, *, found: bool) -> str:
    """*found*: its dates were, at least."""
    if found and lax_der.first_element(der) != der:
        return "it has data behind its end, as OpenSSL's TRUSTED CERTIFICATE has"
    if found:
        return "it is not written in strict DER (a default written out, or a length too long)"
    return "it is damaged"


def _certificate(der: bytes) -> Certificate:
    certificate = x509.load_der_x509_certificate(der)
    facts = certificate_facts(certificate)
    certificate.public_key()
    return certificate, facts


def _revocation_list(der: bytes) -> RevocationList:
    crl = x509.load_der_x509_crl(der)
    number = extension(crl, x509.CRLNumber)
    facts = RevocationListFacts(
        sha256=sha256_of(crl),
        issuer=escaped(crl.issuer.rfc4514_string()),
        number=number.crl_number if number else None,
        this_update=crl.last_update_utc,
        next_update=crl.next_update_utc,
        serials=frozenset(revoked.serial_number for revoked in crl),
    )
    return crl, facts


def certificate_facts(certificate: x509.Certificate) -> CertificateFacts:
    """Return the facts; raises what cryptography does where a part of it cannot be read."""
    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        subject = common_name(certificate.subject)
        dns_names = [subject] if subject else []
        addresses = []
    else:
        dns_names = names.get_values_for_type(x509.DNSName)
        addresses = names.get_values_for_type(x509.IPAddress)
    return CertificateFacts(
        sha256=sha256_of(certificate),
        # Escaped here, once: they stand in conditions, Events, logs and on terminals.
        subject=escaped(certificate.subject.rfc4514_string()),
        issuer=escaped(certificate.issuer.rfc4514_string()),
        dns_names=tuple(map(escaped, dns_names)),
        ip_addresses=tuple(str(address) for address in addresses),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def common_name(name: x509.Name) -> str:
    """Return the last common name, which is the one that counts; empty if there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return escaped(str(found[-1].value)) if found else ""


def extension(of: x509.Certificate | x509.CertificateRevocationList, kind: type[_E]) -> _E | None:
    """Return the extension of that kind; None if there is none."""
    try:
        return of.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def critical(of: x509.Certificate | x509.CertificateRevocationList, *, but: frozenset[str]) -> str:
    """Return the OID of the first critical extension *but* those; empty if there is none."""
    oids = (each.oid.dotted_string for each in of.extensions if each.critical)
    return next((oid for oid in oids if oid not in but), "")


def critical_in_entries(crl: x509.CertificateRevocationList, *, but: frozenset[str]) -> str:
    """Return the OID of the first critical extension of an entry *but* those; empty: none."""
    for entry in crl:
        # What cannot be parsed of an entry decides nothing: OpenSSL does not look at it either.
        found = attempt(partial(_critical_in_entry, entry, but))
        if found:
            return found
    return ""


def _critical_in_entry(entry: x509.RevokedCertificate, but: frozenset[str]) -> str:
    oids = (each.oid.dotted_string for each in entry.extensions if each.critical)
    return next((oid for oid in oids if oid not in but), "")


def sha256_of(of: x509.Certificate | x509.CertificateRevocationList) -> str:
    """Return the SHA-256 over DER in lower-case hex."""
    return of.fingerprint(hashes.SHA256()).hex()
