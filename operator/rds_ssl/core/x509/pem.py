"""
Certificates, revocation lists and private keys: from PEM to facts, and to what is sent.

What is declared is read strictly, and all that is wrong with it ends here as a `MaterialError`,
raised outside of `except` so that nothing of a library hangs on to it. What an instance shows is
read leniently: it is in force already, and may be replaced by what is declared.
"""

import hashlib
from collections.abc import Mapping
from weakref import WeakValueDictionary

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, PublicKeyAlgorithmOID

from rds_ssl.core.model import CertificateFacts, RevocationListFacts
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.x509 import pem_errors
from rds_ssl.core.x509.chains import (
    for_clients,
    leaf_weaknesses,
    may_issue,
    server_way,
    ways_to_root,
)
from rds_ssl.core.x509.facts import (
    KNOWN_IN_ENTRIES,
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
from rds_ssl.core.x509.lax_der import first_element
from rds_ssl.core.x509.pem_blocks import (
    MAX_CHAIN,
    certificate_blocks,
    private_key_block,
    revocation_list_blocks,
    shown_certificate_blocks,
    shown_revocation_list_blocks,
    write_block,
)
from rds_ssl.core.x509.private_keys import PrivateKey, fits, load_private_key, prove_private_key
from rds_ssl.core.x509.reading import (
    Certificate,
    RevocationList,
    attempt,
    certificate_fault,
    common_name,
    critical,
    critical_in_entries,
    extension,
    read_certificate,
    read_revocation_list,
    revocation_list_fault,
    shown_certificate,
    shown_revocation_list,
)
from rds_ssl.core.x509.signers import unverified

_NAMES: Mapping[type[x509.GeneralName], str] = {
    x509.RFC822Name: "an email address",
    x509.UniformResourceIdentifier: "a URI",
    x509.DirectoryName: "a directory name",
    x509.OtherName: "a name of another kind",
    x509.RegisteredID: "a registered ID",
}
"""What a SAN may hold beside host names and addresses."""

_FACTS: WeakValueDictionary[bytes, CertificateFacts] = WeakValueDictionary()
"""
Facts that somebody holds, by SHA-256 over DER: what a Secret holds is what the instance shows, at
each look. Holding nothing itself, it needs no bound.
"""


def parse_certificates(text: str | bytes, *, field: str) -> tuple[CertificateFacts, ...]:
    """
    Read all certificates that an instance shows, in order and with duplicates as they come.

    Args:
        text: PEM, an answer of the API, of any length and of any number of them.
        field: Where it comes from (``ServerCert``).

    Raises:
        MaterialError: If it is no PEM, or cut off; not for a certificate that cannot be read.
    """
    return tuple(map(_shown, shown_certificate_blocks(text, field=field)))


def parse_revocation_lists(text: str | bytes, *, field: str) -> tuple[RevocationListFacts, ...]:
    """
    Read all revocation lists that an instance shows, in order and with duplicates as they come.

    Raises:
        MaterialError: As of `parse_certificates`.
    """
    return tuple(map(shown_revocation_list, shown_revocation_list_blocks(text, field=field)))


def client_ca_in_force(text: str, *, field: str) -> ClientCAMaterial:
    """
    Return the client CAs that an instance shows, to be sent again as they are.

    Raises:
        MaterialError: As of `parse_certificates`.
    """
    ders = dict.fromkeys(shown_certificate_blocks(text, field=field))
    return ClientCAMaterial(
        cas=tuple(
            # They are in force, whatever may be said of them.
            ClientCAFacts(certificate=_shown(der), is_ca=True, may_sign_lists=True)
            for der in ders
        ),
        pem="".join(
            # What has more than a certificate in it is OpenSSL's own form.
            write_block(der, "CERTIFICATE" if first_element(der) == der else "TRUSTED CERTIFICATE")
            for der in ders
        ),
    )


def revocation_list_in_force(text: str, *, field: str) -> RevocationListMaterial:
    """
    Return the revocation lists that an instance shows, to be sent again as they are.

    Raises:
        MaterialError: As of `parse_certificates`.
    """
    ders = dict.fromkeys(shown_revocation_list_blocks(text, field=field))
    return RevocationListMaterial(
        lists=tuple(map(shown_revocation_list, ders)),
        pem="".join(write_block(der, "X509 CRL") for der in ders),
    )


def _shown(der: bytes) -> CertificateFacts:
    digest = hashlib.sha256(der).digest()
    facts = _FACTS.get(digest)
    if facts is None:
        facts = _FACTS[digest] = shown_certificate(der)
    return facts


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
        cas=tuple(map(_client_ca_facts, bundle, ways_to_root(bundle))),
        pem=_pem([one for one, _ in bundle]),
    )


def parse_revocation_list(text: str | bytes, *, field: str) -> RevocationListMaterial:
    """
    Read a file of revocation lists, one or more for each CA.

    Raises:
        MaterialError: If there is no list, one does not parse, one is not all of a CA's list, or
            there is too much.
    """
    loaded = {
        facts.sha256: (crl, facts) for crl, facts in _load_revocation_lists(text, field=field)
    }
    for crl, facts in loaded.values():
        kind = _partial(crl)
        if kind is not None:
            raise pem_errors.partial_list(field, kind=kind, issuer=facts.issuer)
    return RevocationListMaterial(
        lists=tuple(facts for _, facts in loaded.values()),
        pem=_pem([crl for crl, _ in loaded.values()]),
    )


def _load_certificates(text: str | bytes, *, field: str) -> list[Certificate]:
    """Read all CERTIFICATE blocks, each with its facts; they are costly to read."""
    blocks = certificate_blocks(text, field=field)
    loaded: list[Certificate] = []
    for number, der in enumerate(blocks, start=1):
        pair = read_certificate(der)
        if pair is None or pair[0].serial_number < 0:
            fault = certificate_fault(der)
            raise pem_errors.certificate(field, number=number, of=len(blocks), fault=fault)
        loaded.append(pair)
        _FACTS[hashlib.sha256(der).digest()] = pair[1]
    return loaded


def _load_revocation_lists(text: str | bytes, *, field: str) -> list[RevocationList]:
    """Read all X509 CRL blocks, each with its facts."""
    blocks = revocation_list_blocks(text, field=field)
    loaded: list[RevocationList] = []
    for number, der in enumerate(blocks, start=1):
        pair = read_revocation_list(der)
        if pair is None:
            fault = revocation_list_fault(der)
            raise pem_errors.revocation_list(field, number=number, of=len(blocks), fault=fault)
        loaded.append(pair)
    return loaded


def _partial(crl: x509.CertificateRevocationList) -> str | None:
    """
    Return what *crl* is if it is not all that its CA has revoked; None if it is.

    Measured with OpenSSL 3.0, -crl_check_all: it takes a delta list for the whole one (what its
    base revokes is accepted), and under a list of limited scope (indirect, some reasons, some kinds
    of certificates, one distribution point) or with an unknown critical extension, its own or of an
    entry, it refuses all.
    """
    if extension(crl, x509.DeltaCRLIndicator) is not None:
        return "delta list"
    if extension(crl, x509.IssuingDistributionPoint) is not None:
        return "list of limited scope (it has an issuingDistributionPoint)"
    found = critical(crl, but=KNOWN_IN_LISTS) or critical_in_entries(crl, but=KNOWN_IN_ENTRIES)
    return f"list with a critical extension that OpenSSL refuses ({found})" if found else None


def _must_fit(
    key: PrivateKey, chain: list[Certificate], *, certificate_field: str, key_field: str
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


def _server_facts(chain: list[Certificate]) -> ServerFacts:
    leaf = chain[0][0]
    basic = extension(leaf, x509.BasicConstraints)
    usage = extension(leaf, x509.ExtendedKeyUsage)
    names = extension(leaf, x509.SubjectAlternativeName)
    way = server_way(chain)
    return ServerFacts(
        links=tuple(_link(one, facts) for one, facts in chain),
        common_name=common_name(leaf.subject),
        issuer_common_name=common_name(leaf.issuer),
        is_ca=basic is not None and basic.ca,
        for_servers=usage is None
        or ExtendedKeyUsageOID.SERVER_AUTH in usage
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage,
        way=way.links,
        fault=way.fault,
        weaknesses=(*way.weaknesses, *leaf_weaknesses(chain[0])),
        has_san=names is not None,
        other_names=tuple(
            dict.fromkeys(_NAMES[type(each)] for each in names or () if type(each) in _NAMES)
        ),
    )


def _link(certificate: x509.Certificate, facts: CertificateFacts) -> Link:
    key = certificate.public_key()
    algorithm = attempt(lambda: certificate.signature_hash_algorithm)
    return Link(
        certificate=facts,
        rsa_bits=key.key_size if isinstance(key, rsa.RSAPublicKey) else None,
        signature_hash=algorithm.name if algorithm else "",
        unknown_critical=critical(certificate, but=KNOWN_TO_OPENSSL),
    )


def _client_ca_facts(
    ca: Certificate, way: tuple[tuple[CertificateFacts, ...], str]
) -> ClientCAFacts:
    """Judge as OpenSSL does (check_ca, check_crl and check_purpose_ssl_client in crypto/x509)."""
    certificate, facts = ca
    usage = extension(certificate, x509.KeyUsage)
    link = _link(certificate, facts)
    return ClientCAFacts(
        certificate=link.certificate,
        is_ca=may_issue(certificate),
        may_sign_lists=usage is None or usage.crl_sign,
        rsa_bits=link.rsa_bits,
        signature_hash=link.signature_hash,
        unknown_critical=link.unknown_critical,
        for_clients=for_clients(certificate),
        above=way[0],
        unverified=unverified(certificate.public_key()),
        way_fault=way[1],
    )


def _without_duplicates(certificates: list[Certificate]) -> list[Certificate]:
    return list({facts.sha256: (one, facts) for one, facts in certificates}.values())


def _pem(of: list[x509.Certificate] | list[x509.CertificateRevocationList]) -> str:
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode("ascii") for one in of)
