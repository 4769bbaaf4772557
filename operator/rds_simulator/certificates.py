"""
Certificates: the cloud's CA, and what customers send.

Parsing is cached by the text, so that a bundle sent a thousand times is parsed once.
"""

import functools
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rds_simulator.pem import MaterialError, read_blocks, write_block
from rds_simulator.private_keys import public_half

CLOUD_LIFETIME = timedelta(days=365)
"""Of a certificate that the cloud issues. Source: the team's API notes 4.2."""

COMMON_NAME_MAX = 64
"""Characters. Source: X.520 ub-common-name, which the library enforces."""

_CACHE_SIZE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMaterial:
    """A server certificate in use: the cloud's or a customer's."""

    sent: str
    """The certificate as it was sent, with whatever stood around the blocks."""
    blocks: tuple[str, ...]
    """The certificates re-encoded, leaf first."""
    key: str = field(repr=False)
    """PEM, unencrypted."""
    sha256: str
    """Of the leaf's DER, lower-case hexadecimal."""
    chain_sha256: tuple[str, ...] = ()
    """The same of all certificates as they were sent, leaf first; empty for the cloud's own."""
    subject: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pfx:
    """
    A certificate and its key in an object in OSS, which nothing here can read.

    When it is really valid nobody knows; it is taken to last as long as the cloud's own. The
    object may have been overwritten, so that the same one fetched later is another one.
    """

    location: str
    """``oss-<region>.aliyuncs.com:<bucket>:<file.pfx>``."""
    fetched_at: datetime

    @property
    def not_after(self) -> datetime:
        """Made up: 365 days after it was fetched."""
        return self.fetched_at + CLOUD_LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Client CAs, or revocation lists."""

    sent: str
    blocks: tuple[str, ...]
    """Re-encoded, in the order in which they were sent."""
    sha256: tuple[str, ...]
    """Of each block's DER, in the same order."""
    names: tuple[str, ...]
    """Subjects of the CAs, or issuers of the lists, RFC 4514."""
    not_after: tuple[datetime, ...]
    """Ends of the CAs' validity; empty for revocation lists."""

    def first(self) -> "Bundle":
        """The bundle as if only its first block had been sent."""
        return Bundle(
            sent=self.blocks[0] + "\n",
            blocks=self.blocks[:1],
            sha256=self.sha256[:1],
            names=self.names[:1],
            not_after=self.not_after[:1],
        )


def _certificates(text: str) -> list[tuple[x509.Certificate, bytes]]:
    found = []
    for der in read_blocks(text, "CERTIFICATE"):
        try:
            found.append((x509.load_der_x509_certificate(der), der))
        except ValueError as error:
            raise MaterialError("a certificate does not parse") from error
    return found


@functools.lru_cache(maxsize=_CACHE_SIZE)
def parse_server(certificate: str, key: str) -> ServerMaterial:
    """
    Read a server certificate (leaf first) and its key.

    Raises:
        MaterialError: If one is not PEM, the key is encrypted, or they are not a pair.
    """
    chain = _certificates(certificate)
    leaf = chain[0][0]
    try:
        public = leaf.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MaterialError("a certificate does not parse") from error
    if public_half(key) != public:
        raise MaterialError("certificate and private key are not a pair")
    return ServerMaterial(
        sent=certificate,
        blocks=tuple(write_block(der, "CERTIFICATE") for _, der in chain),
        key=key,
        sha256=hashlib.sha256(chain[0][1]).hexdigest(),
        chain_sha256=tuple(hashlib.sha256(der).hexdigest() for _, der in chain),
        subject=leaf.subject.rfc4514_string(),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


@functools.lru_cache(maxsize=_CACHE_SIZE)
def parse_client_ca(text: str) -> Bundle:
    """
    Read a bundle of client CAs.

    Raises:
        MaterialError: If there is none, or one does not parse or is not a CA.
    """
    parsed = _certificates(text)
    if not all(_is_ca(certificate) for certificate, _ in parsed):
        raise MaterialError("a certificate is not a CA")
    return Bundle(
        sent=text,
        blocks=tuple(write_block(der, "CERTIFICATE") for _, der in parsed),
        sha256=tuple(hashlib.sha256(der).hexdigest() for _, der in parsed),
        names=tuple(certificate.subject.rfc4514_string() for certificate, _ in parsed),
        not_after=tuple(certificate.not_valid_after_utc for certificate, _ in parsed),
    )


@functools.lru_cache(maxsize=_CACHE_SIZE)
def parse_crl(text: str) -> Bundle:
    """
    Read revocation lists.

    Raises:
        MaterialError: If there is none, or one does not parse.
    """
    blocks = read_blocks(text, "X509 CRL")
    try:
        issuers = tuple(x509.load_der_x509_crl(der).issuer.rfc4514_string() for der in blocks)
    except ValueError as error:
        raise MaterialError("a revocation list does not parse") from error
    return Bundle(
        sent=text,
        blocks=tuple(write_block(der, "X509 CRL") for der in blocks),
        sha256=tuple(hashlib.sha256(der).hexdigest() for der in blocks),
        names=issuers,
        not_after=(),
    )


class Authority:
    """
    The cloud's CA, made when the simulator starts.

    P-256 instead of the vendor's RSA, and one key for all leaves: thousands of certificates must
    cost nothing here. The CA is valid for a century, so that a moved clock never leaves it behind.
    """

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key_pem = self._leaf_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        self._name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated cloud"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Simulated RDS CA"),
            ]
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        """The CA's certificate, for clients."""

    def issue(
        self, host: str, at: datetime, lifetime: timedelta = CLOUD_LIFETIME
    ) -> ServerMaterial:
        """Issue a certificate for *host* (at most COMMON_NAME_MAX characters), valid from *at*."""
        start = at.astimezone(UTC).replace(microsecond=0)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(self._name)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + lifetime)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        der = certificate.public_bytes(serialization.Encoding.DER)
        leaf = write_block(der, "CERTIFICATE")
        return ServerMaterial(
            sent=f"{leaf}\n{self.pem}",
            blocks=(leaf, self.pem.rstrip()),
            key=self._leaf_key_pem,
            sha256=hashlib.sha256(der).hexdigest(),
            subject=certificate.subject.rfc4514_string(),
            not_before=start,
            not_after=start + lifetime,
        )
