"""
What is known about material once it has been read: plain values, nothing of a private key.

Facts may be cached; whoever holds a `ServerMaterial` holds a private key and drops it after use.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rds_ssl.core.formats import shown
from rds_ssl.core.model import CertificateFacts, RevocationListFacts
from rds_ssl.core.secret_text import SecretText

CERT_MANAGER = "cert-manager.local"
"""
The issuer's common name in what cert-manager puts into a Secret while an issuer has not answered.
Source: cert-manager, annotation issue-temporary-certificate; measured.
"""

MIN_RSA_BITS = 2048
"""Under this a warning: the security level 2 of OpenSSL, Debian's default, refuses such a key."""

KNOWN_TO_OPENSSL = frozenset(
    {f"2.5.29.{each}" for each in (15, 17, 19, 30, 31, 32, 33, 36, 37, 54)}
    | {f"1.3.6.1.5.5.7.1.{each}" for each in (7, 8, 14)}
    | {"1.3.6.1.5.5.7.48.1.5", "2.16.840.1.113730.1.1"}
)
"""
Extensions that may be critical; a certificate with another one is refused.
Source: OpenSSL 3.0, X509_supported_extension; measured.
"""

KNOWN_IN_LISTS = frozenset({"2.5.29.27", "2.5.29.28", "2.5.29.35"})
"""
The same of revocation lists: deltaCRLIndicator, issuingDistributionPoint, authorityKeyIdentifier.
Source: OpenSSL 3.0, crl_cb in crypto/x509/x_crl.c.
"""

KNOWN_IN_ENTRIES = frozenset({"2.5.29.29"})
"""
The same of the entries of a list: certificateIssuer; a critical reasonCode is refused.
Source: OpenSSL 3.0, crl_set_issuers in crypto/x509/x_crl.c; measured with PostgreSQL 15.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One certificate of a server's chain, with what its strength rests on."""

    certificate: CertificateFacts
    rsa_bits: int | None
    """None for a key of another kind: they have no weak sizes."""
    signature_hash: str
    """As OpenSSL spells it (``sha256``); empty if the signature has none, or an unknown one."""
    unknown_critical: str = ""
    """The OID of a critical extension that OpenSSL does not know; empty if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A server certificate whose private key was seen to fit; holds nothing of the key."""

    links: tuple[Link, ...]
    """Leaf first, never empty, without duplicates."""
    common_name: str
    """Of the leaf's subject; empty if it has none."""
    issuer_common_name: str
    """Of the leaf's issuer; empty if it has none."""
    is_ca: bool
    """Whether the leaf's basic constraints say CA."""
    for_servers: bool
    """Whether the leaf has no extended key usage, or one that has serverAuth."""
    way: tuple[CertificateFacts, ...] = ()
    """The links that clients go, from the leaf by signatures to the end; see `chains.Way`."""
    fault: str = ""
    """Why no client takes the chain, whatever the clock says; empty: some do."""
    weaknesses: tuple[str, ...] = ()
    """What some clients do not take of it; sentences."""
    has_san: bool = True
    """Whether the leaf has a SAN, whatever is in it."""
    other_names: tuple[str, ...] = ()
    """The kinds of names in the SAN that clients do not ask for (``an email address``)."""

    @property
    def chain(self) -> tuple[CertificateFacts, ...]:
        """Leaf first."""
        return tuple(link.certificate for link in self.links)

    @property
    def leaf(self) -> CertificateFacts:
        """The certificate that the instance shows as its own."""
        return self.links[0].certificate

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each weakness that needs neither clock nor endpoint to be seen."""
        return tuple(_weaknesses(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMaterial:
    """What is sent as ServerCert and ServerKey. Never cached, for it holds the key."""

    facts: ServerFacts
    certificate_pem: str
    """The chain as CERTIFICATE blocks, leaf first, nothing else; ends in a newline."""
    private_key_pem: SecretText
    """PKCS#8, unencrypted."""

    @property
    def leaf(self) -> CertificateFacts:
        """The certificate that the key fits."""
        return self.facts.leaf

    @property
    def chain(self) -> tuple[CertificateFacts, ...]:
        """Leaf first."""
        return self.facts.chain

    @property
    def warnings(self) -> tuple[str, ...]:
        """As in `ServerFacts`."""
        return self.facts.warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCAFacts:
    """One certificate of a client CA bundle, with what OpenSSL would let it do."""

    certificate: CertificateFacts
    is_ca: bool
    """Basic constraints say CA and key usage allows it, or it is a self-issued v1 root."""
    may_sign_lists: bool
    """Key usage is absent or has cRLSign."""
    rsa_bits: int | None = None
    """As in `Link`."""
    signature_hash: str = ""
    """As in `Link`."""
    unknown_critical: str = ""
    """As in `Link`."""
    for_clients: bool = True
    """Whether its extended key usage, if it has one, lets it issue certificates of clients."""
    above: tuple[CertificateFacts, ...] = ()
    """The CAs of the bundle on its way to a root, nearest first."""
    unverified: str = ""
    """Why no list is held against its key, after its name; empty if they are."""
    way_fault: str = ""
    """Why its way ends in no root, or is too long; goes on after its name."""

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """One sentence for each weakness that needs no clock to be seen."""
        link = Link(
            certificate=self.certificate,
            rsa_bits=self.rsa_bits,
            signature_hash=self.signature_hash,
            unknown_critical=self.unknown_critical,
        )
        return tuple(_link_weaknesses(link, is_root=is_self_issued(self.certificate)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCAMaterial:
    """What is sent as ClientCACert; nothing of it is secret."""

    cas: tuple[ClientCAFacts, ...]
    """In the order of the text, never empty, without duplicates."""
    pem: str
    """CERTIFICATE blocks in the same order, nothing else; ends in a newline."""

    @property
    def certificates(self) -> tuple[CertificateFacts, ...]:
        """In the order of the text."""
        return tuple(ca.certificate for ca in self.cas)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationListMaterial:
    """What is sent as ClientCertRevocationList; nothing of it is secret."""

    lists: tuple[RevocationListFacts, ...]
    """In the order of the text, never empty, without duplicates."""
    pem: str
    """X509 CRL blocks in the same order, nothing else; ends in a newline."""


def canonical(name: str) -> str:
    """
    Return an RFC 4514 name in the form that is compared: without case, and with single blanks.

    Source: OpenSSL, asn1_string_canon in crypto/x509/x_name.c, which takes the blanks around a
    value away as well, and knows letters of ASCII only; measured.
    """
    plain = name.replace("\\ ", " ").translate(_LOWER)
    return _AROUND.sub(r"\1", " ".join(plain.split())).strip()


_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}

_AROUND = re.compile(r" ?([,+=]) ?")
"""What ends a value or begins it; within one these are escaped, and stand the same in both."""


def title(certificate: CertificateFacts) -> str:
    """
    Return the name of a certificate for a message: its subject, or what it is for.

    Of one that cannot be read also why that is so, for nobody else can tell.
    """
    names = (*certificate.dns_names, *certificate.ip_addresses)
    if certificate.subject:
        name = shown(certificate.subject)
    else:
        name = f"the certificate for {shown(names[0])}" if names else "a certificate without a name"
    return f"{name}, not to be read ({certificate.unreadable})" if certificate.unreadable else name


def list_title(revocation_list: RevocationListFacts) -> str:
    """Return the name of a revocation list for a message: its issuer; and why it is unreadable."""
    name = shown(revocation_list.issuer) if revocation_list.issuer else "a CA without a name"
    fault = revocation_list.unreadable
    return f"{name}, not to be read ({fault})" if fault else name


def _weaknesses(facts: ServerFacts) -> Iterator[str]:
    leaf = facts.leaf
    for link in facts.links:
        certificate = link.certificate
        yield from _link_weaknesses(
            link, is_root=certificate is not leaf and is_self_issued(certificate)
        )
    for certificate, issuer in pairwise(facts.chain):
        if canonical(certificate.issuer) != canonical(issuer.subject):
            yield (
                f"{title(certificate)} is not followed by its issuer in the chain;"
                " some clients will not find their way to the root."
            )
    if len(facts.chain) == 1 and not is_self_issued(leaf):
        yield f"The chain has no intermediate: clients must trust {shown(leaf.issuer)} itself."
    if not facts.for_servers:
        yield f"{title(leaf)} is not for servers: its extended key usage lacks serverAuth."
    if not facts.has_san:
        yield (
            f"{title(leaf)} has no SAN: clients that do not read the common name, such as those"
            " in Go, refuse it; issue it with one."
        )
    yield from facts.weaknesses


def _link_weaknesses(link: Link, *, is_root: bool) -> Iterator[str]:
    """*is_root*: nobody verifies its signature."""
    name = title(link.certificate)
    if link.rsa_bits is not None and link.rsa_bits < MIN_RSA_BITS:
        yield (
            f"{name} has an RSA key of {link.rsa_bits} bits;"
            f" those who verify it may refuse fewer than {MIN_RSA_BITS}."
        )
    if link.signature_hash in {"md5", "sha1"} and not is_root:
        yield (
            f"{name} is signed with {link.signature_hash.upper()},"
            " which those who verify it may refuse."
        )
    if link.unknown_critical:
        yield (
            f"{name} has a critical extension that OpenSSL does not know"
            f" ({link.unknown_critical}), so that it is refused wherever OpenSSL verifies it."
        )


def is_self_issued(certificate: CertificateFacts) -> bool:
    """True if subject and issuer are the same, as they are of a root."""
    return canonical(certificate.subject) == canonical(certificate.issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialFacts:
    """What the referenced objects hold; None or empty where nothing is referenced."""

    server: ServerFacts | None = None
    client_ca: tuple[ClientCAFacts, ...] = ()
    revocation_list: tuple[RevocationListFacts, ...] = ()
