"""
Certificates, revocation lists and private keys: from PEM to facts, and to what is sent.

It imports cryptography, as `private_keys` and `signers` beside it do and nothing else. All that its
parsers may raise ends here as a `MaterialError`, raised outside of `except` so that nothing of
theirs hangs on to it; and their warnings (a serial number of zero, an over-long name) are silenced,
because what they announce for some later version decides nothing about a certificate that OpenSSL,
in the instance, accepts.
"""

import hashlib
import warnings
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, PublicKeyAlgorithmOID

from rds_ssl.core.model import CertificateFacts, RevocationListFacts, SecretText
from rds_ssl.core.x509 import pem_errors
from rds_ssl.core.x509.facts import (
    KNOWN_IN_LISTS,
    KNOWN_TO_OPENSSL,
    ClientCAFacts,
    ClientCAMaterial,
    Link,
    RevocationListMaterial,
    ServerFacts,
    ServerMaterial,
    title,
)
from rds_ssl.core.x509.pem_blocks import (
    MAX_CHAIN,
    certificate_blocks,
    private_key_block,
    revocation_list_blocks,
)
from rds_ssl.core.x509.private_keys import PrivateKey, fits, load_private_key, prove_private_key

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

_Certificate = tuple[x509.Certificate, CertificateFacts]
_RevocationList = tuple[x509.CertificateRevocationList, RevocationListFacts]
_FACTS: WeakValueDictionary[bytes, CertificateFacts] = WeakValueDictionary()
"""
Facts that somebody holds, by SHA-256 over DER: what a Secret holds is what the instance shows, at
each look. Holding nothing itself, it needs no bound.
"""

_T = TypeVar("_T")
_E = TypeVar("_E", bound=x509.ExtensionType)


def parse_certificates(text: str | bytes, *, field: str) -> tuple[CertificateFacts, ...]:
    """
    Read all CERTIFICATE blocks as facts, in order and with duplicates as they come.

    Args:
        text: PEM; an answer of the API, or a file.
        field: Where it comes from, in the words of the user (``Secret orders-tls, key tls.crt``).

    Raises:
        MaterialError: If there is no certificate, one does not parse, or there is too much.
    """
    ders = certificate_blocks(text, field=field)
    known = [_FACTS.get(hashlib.sha256(der).digest()) for der in ders]
    found = tuple(facts for facts in known if facts is not None)
    if len(found) == len(ders):
        return found
    return tuple(facts for _, facts in _load_certificates(text, field=field))


def parse_revocation_lists(text: str | bytes, *, field: str) -> tuple[RevocationListFacts, ...]:
    """
    Read all X509 CRL blocks as facts, in order and with duplicates as they come.

    Raises:
        MaterialError: If there is no list, one does not parse, or there is too much.
    """
    return tuple(facts for _, facts in _load_revocation_lists(text, field=field))


def parse_server_certificate(
    certificate: bytes, private_key: bytes, *, certificate_field: str, key_field: str
) -> ServerMaterial:
    """
    Read a chain and its private key, see that they fit, and write both anew.

    Args:
        certificate: PEM, leaf first; duplicates are dropped.
        private_key: PEM in PKCS#1, PKCS#8 or SEC1; an encrypted one is refused.

    Raises:
        MaterialError: MaterialInvalid if either does not parse, the key is encrypted or of a kind
            that serves no TLS, or the leaf is not first; KeyMismatch if the key fits no
            certificate of the chain (a moment's state while both are being replaced).

    Source: the vendor's page on custom certificates (no passphrase); PKCS#8 is what its recipe
    makes, so that is what is sent.
    """
    chain = _without_duplicates(_load_certificates(certificate, field=certificate_field))
    if len(chain) > MAX_CHAIN:
        raise pem_errors.long_chain(certificate_field, longest=MAX_CHAIN)
    if chain[0][0].public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS:
        # Its key, written anew, is one of rsaEncryption, which OpenSSL takes for another's.
        raise pem_errors.pss(certificate_field)
    key = load_private_key(private_key_block(private_key, field=key_field), field=key_field)
    _must_fit(key, chain, certificate_field=certificate_field, key_field=key_field)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return ServerMaterial(
        facts=_server_facts(chain),
        certificate_pem=_pem([one for one, _ in chain]),
        private_key_pem=SecretText(pem.decode("ascii")),
    )


def parse_client_ca(text: str | bytes, *, field: str) -> ClientCAMaterial:
    """
    Read a bundle of CAs; `rds_ssl.core.checks.certificates` says whether they are CAs, and valid.

    Raises:
        MaterialError: If there is no certificate, one does not parse, or there is too much.
    """
    bundle = _without_duplicates(_load_certificates(text, field=field))
    return ClientCAMaterial(
        cas=tuple(_client_ca_facts(one, facts) for one, facts in bundle),
        pem=_pem([one for one, _ in bundle]),
    )


def parse_revocation_list(
    text: str | bytes, *, field: str, in_force: bool = False
) -> RevocationListMaterial:
    """
    Read a file of revocation lists, one or more for each CA.

    *in_force*: it is kept as it is, so that a list which is not all of a CA's is taken as well.

    Raises:
        MaterialError: If there is no list, one does not parse, one is not all of a CA's list, or
            there is too much.
    """
    loaded = {
        facts.sha256: (crl, facts) for crl, facts in _load_revocation_lists(text, field=field)
    }
    for crl, facts in loaded.values():
        kind = _partial(crl)
        if kind is not None and not in_force:
            raise pem_errors.partial_list(field, kind=kind, issuer=facts.issuer)
    return RevocationListMaterial(
        lists=tuple(facts for _, facts in loaded.values()),
        pem=_pem([crl for crl, _ in loaded.values()]),
    )


def _attempt(read: Callable[[], _T]) -> _T | None:
    """Call *read*, which uses cryptography on foreign bytes; None stands for unreadable."""
    try:
        return read()
    except _UNREADABLE:
        return None


def _load_certificates(text: str | bytes, *, field: str) -> list[_Certificate]:
    """Read all CERTIFICATE blocks, each with its facts; they are costly to read."""
    blocks = certificate_blocks(text, field=field)
    loaded: list[_Certificate] = []
    for number, der in enumerate(blocks, start=1):
        pair = _attempt(partial(_certificate, der))
        if pair is None:
            raise pem_errors.certificate(field, number=number, of=len(blocks))
        if pair[0].serial_number < 0:
            raise pem_errors.negative_serial(field, number=number, of=len(blocks))
        loaded.append(pair)
        _FACTS[hashlib.sha256(der).digest()] = pair[1]
    return loaded


def _certificate(der: bytes) -> _Certificate:
    """Parse *der* whole: cryptography reads names, dates and extensions only when asked for."""
    certificate = x509.load_der_x509_certificate(der)
    facts = _certificate_facts(certificate)
    certificate.public_key()
    return certificate, facts


def _load_revocation_lists(text: str | bytes, *, field: str) -> list[_RevocationList]:
    """Read all X509 CRL blocks, each with its facts (its serials are costly to read)."""
    blocks = revocation_list_blocks(text, field=field)
    loaded: list[_RevocationList] = []
    for number, der in enumerate(blocks, start=1):
        pair = _attempt(partial(_revocation_list, der))
        if pair is None:
            raise pem_errors.revocation_list(field, number=number, of=len(blocks))
        loaded.append(pair)
    return loaded


def _revocation_list(der: bytes) -> _RevocationList:
    crl = x509.load_der_x509_crl(der)
    number = _extension(crl, x509.CRLNumber)
    facts = RevocationListFacts(
        sha256=_sha256(crl),
        issuer=crl.issuer.rfc4514_string(),
        number=number.crl_number if number else None,
        this_update=crl.last_update_utc,
        next_update=crl.next_update_utc,
        serials=frozenset(revoked.serial_number for revoked in crl),
    )
    return crl, facts


def _partial(crl: x509.CertificateRevocationList) -> str | None:
    """
    Return what *crl* is if it is not all that its CA has revoked; None if it is.

    Measured with OpenSSL 3.0, -crl_check_all: it takes a delta list for the whole one (what its
    base revokes is accepted), and under a list of limited scope (indirect, some reasons, some kinds
    of certificates, one distribution point) or with an unknown critical extension it refuses all.
    """
    if _extension(crl, x509.DeltaCRLIndicator) is not None:
        return "delta list"
    if _extension(crl, x509.IssuingDistributionPoint) is not None:
        return "list of limited scope (it has an issuingDistributionPoint)"
    critical = _critical(crl, but=KNOWN_IN_LISTS)
    return f"list with a critical extension that OpenSSL refuses ({critical})" if critical else None


def _must_fit(
    key: PrivateKey, chain: list[_Certificate], *, certificate_field: str, key_field: str
) -> None:
    """Raise unless *key* is the key of the first certificate of *chain*."""
    fitting = [facts for one, facts in chain if fits(key, one)]
    leaf = chain[0][1]
    if leaf in fitting:
        prove_private_key(key, field=key_field)
        return
    if fitting:
        raise pem_errors.not_in_order(certificate_field, leaf=title(fitting[0]))
    raise pem_errors.key_mismatch(key_field, leaf=title(leaf), certificate_field=certificate_field)


def _server_facts(chain: list[_Certificate]) -> ServerFacts:
    leaf = chain[0][0]
    basic = _extension(leaf, x509.BasicConstraints)
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    return ServerFacts(
        links=tuple(_link(one, facts) for one, facts in chain),
        common_name=_common_name(leaf.subject),
        issuer_common_name=_common_name(leaf.issuer),
        is_ca=basic is not None and basic.ca,
        for_servers=usage is None
        or ExtendedKeyUsageOID.SERVER_AUTH in usage
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage,
    )


def _link(certificate: x509.Certificate, facts: CertificateFacts) -> Link:
    key = certificate.public_key()
    algorithm = _attempt(lambda: certificate.signature_hash_algorithm)
    return Link(
        certificate=facts,
        rsa_bits=key.key_size if isinstance(key, rsa.RSAPublicKey) else None,
        signature_hash=algorithm.name if algorithm else "",
        unknown_critical=_critical(certificate, but=KNOWN_TO_OPENSSL),
    )


def _client_ca_facts(certificate: x509.Certificate, facts: CertificateFacts) -> ClientCAFacts:
    """Judge as OpenSSL does (check_ca and check_crl in crypto/x509)."""
    basic = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    if basic is None:
        is_ca = certificate.version is x509.Version.v1 and certificate.subject == certificate.issuer
    else:
        is_ca = basic.ca
    link = _link(certificate, facts)
    return ClientCAFacts(
        certificate=link.certificate,
        is_ca=is_ca and (usage is None or usage.key_cert_sign),
        may_sign_lists=usage is None or usage.crl_sign,
        rsa_bits=link.rsa_bits,
        signature_hash=link.signature_hash,
        unknown_critical=link.unknown_critical,
    )


def _certificate_facts(certificate: x509.Certificate) -> CertificateFacts:
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        common_name = _common_name(certificate.subject)
        dns_names = [common_name] if common_name else []
        addresses = []
    else:
        dns_names = names.get_values_for_type(x509.DNSName)
        addresses = names.get_values_for_type(x509.IPAddress)
    return CertificateFacts(
        sha256=_sha256(certificate),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        dns_names=tuple(dns_names),
        ip_addresses=tuple(str(address) for address in addresses),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _common_name(name: x509.Name) -> str:
    """Return the last common name, which is the one that counts; empty if there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[-1].value) if found else ""


def _extension(of: x509.Certificate | x509.CertificateRevocationList, kind: type[_E]) -> _E | None:
    try:
        return of.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _critical(of: x509.Certificate | x509.CertificateRevocationList, *, but: frozenset[str]) -> str:
    """Return the OID of the first critical extension *but* those; empty if there is none."""
    oids = (each.oid.dotted_string for each in of.extensions if each.critical)
    return next((oid for oid in oids if oid not in but), "")


def _without_duplicates(certificates: list[_Certificate]) -> list[_Certificate]:
    return list({facts.sha256: (one, facts) for one, facts in certificates}.values())


def _sha256(of: x509.Certificate | x509.CertificateRevocationList) -> str:
    return of.fingerprint(hashes.SHA256()).hex()


def _pem(of: list[x509.Certificate] | list[x509.CertificateRevocationList]) -> str:
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode("ascii") for one in of)
