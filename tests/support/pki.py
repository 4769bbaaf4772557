"""
Certificates, keys and revocation lists for tests, made when they are asked for.

Nothing is checked in and nothing is cached: each call makes a new key, EC by default because that
takes a fraction of a millisecond. RSA takes 50 ms and more: only where RSA is the point.

::

    root = make_root()
    leaf = root.intermediate().leaf("orders.pg.rds.aliyuncs.com")
    secret = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}
    ca, crl = root.pem, root.revocation_list(serials=[7], number=2)

Times are aware, UTC, whole seconds. Without `not_before` and `not_after` a certificate is valid
from an hour ago, so that it also serves real TLS.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.odd_pem import without_next_update

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LEAF_LIFETIME = 90 * DAY
CA_LIFETIME = 3650 * DAY
CRL_LIFETIME = 30 * DAY

PASSPHRASE = b"not needed"
"""Of the encrypted forms of `key_pem`."""

CERT_MANAGER = "cert-manager.local"
"""The issuer's common name in the certificate that cert-manager puts into a Secret meanwhile."""


class KeyType(StrEnum):
    """Kinds of keys that `make_key` makes."""

    EC = "ec-p256"
    EC_P384 = "ec-p384"
    ED25519 = "ed25519"
    RSA_1024 = "rsa-1024"
    RSA_2048 = "rsa-2048"


class KeyFormat(StrEnum):
    """How a private key is written. PKCS#1 is for RSA, SEC1 for EC, the rest for all."""

    PKCS1 = "RSA PRIVATE KEY"
    PKCS8 = "PRIVATE KEY"
    PKCS8_ENCRYPTED = "ENCRYPTED PRIVATE KEY"
    SEC1 = "EC PRIVATE KEY"
    LEGACY_ENCRYPTED = "Proc-Type: 4,ENCRYPTED"


def real_now() -> datetime:
    """Give the time of the machine in whole seconds, as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)


def read_rsa_key(pem: bytes) -> rsa.RSAPrivateKey:
    """Read an RSA key from PEM, to make another certificate for it."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(type(key))
    return key


def make_key(kind: KeyType = KeyType.EC) -> PrivateKey:
    """Make a new private key."""
    match kind:
        case KeyType.EC:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case KeyType.RSA_1024:
            return rsa.generate_private_key(65537, 1024)  # noqa: S505  # Weak is the point.
        case KeyType.RSA_2048:
            return rsa.generate_private_key(65537, 2048)


def key_pem(key: PrivateKey, form: KeyFormat = KeyFormat.PKCS8) -> bytes:
    """Write *key*; the two encrypted forms have `PASSPHRASE`."""
    traditional = {KeyFormat.PKCS1, KeyFormat.SEC1, KeyFormat.LEGACY_ENCRYPTED}
    encrypted = {KeyFormat.PKCS8_ENCRYPTED, KeyFormat.LEGACY_ENCRYPTED}
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL
        if form in traditional
        else serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSPHRASE)
        if form in encrypted
        else serialization.NoEncryption(),
    )


def name(common_name: str | None) -> x509.Name:
    """Make a distinguished name of one common name, or an empty one."""
    if common_name is None:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def pem(*of: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """Write certificates or revocation lists as PEM, in that order."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in of)


def der(of: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """Write one as DER."""
    return of.public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A certificate with its key and the intermediates above it, nearest first."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    intermediates: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The leaf alone."""
        return pem(self.certificate)

    @property
    def chain_pem(self) -> bytes:
        """The leaf, then the intermediates: what belongs into ``tls.crt``."""
        return pem(self.certificate, *self.intermediates)

    @property
    def wrong_order_pem(self) -> bytes:
        """The same certificates, the leaf last."""
        return pem(*reversed(self.intermediates), self.certificate)

    @property
    def sha256(self) -> str:
        """Lower-case hex over DER."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def key_pem(self, form: KeyFormat = KeyFormat.PKCS8) -> bytes:
        """Write the private key; see `key_pem`."""
        return key_pem(self.key, form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A CA: a root, or an intermediate with what is above it (nearest first, without the root)."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The CA's own certificate."""
        return pem(self.certificate)

    @property
    def sha256(self) -> str:
        """Lower-case hex over DER."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def intermediate(
        self,
        common_name: str = "Test intermediate",
        *,
        kind: KeyType = KeyType.EC,
        extras: "Extras | None" = None,
    ) -> "Authority":
        """Make a CA below this one."""
        key = make_key(kind)
        certificate = build_certificate(
            subject=common_name,
            key=key,
            issuer=self,
            extras=replace(extras or Extras(), ca=True),
        )
        # A root is self-issued; servers do not send it.
        is_root = self.certificate.subject == self.certificate.issuer
        return Authority(
            certificate=certificate,
            key=key,
            above=() if is_root else (self.certificate, *self.above),
        )

    def leaf(
        self,
        *names: str,
        common_name: str | None = "",
        kind: KeyType = KeyType.EC,
        key: PrivateKey | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        sans: bool = True,
        client: bool = False,
    ) -> Leaf:
        """
        Make a server certificate, or a client's.

        Args:
            names: Host names and IP addresses for the SAN.
            common_name: Empty: the first of *names*; None: an empty subject.
            kind: Of the new key, unless there is a *key*.
            sans: Whether there is a SAN at all.
            client: For clientAuth instead of serverAuth.
        """
        key = key or make_key(kind)
        certificate = build_certificate(
            subject=names[0] if common_name == "" else common_name,
            key=key,
            issuer=self,
            names=names if sans else (),
            extras=Extras(
                usage=ExtendedKeyUsageOID.CLIENT_AUTH
                if client
                else ExtendedKeyUsageOID.SERVER_AUTH,
                not_before=not_before,
                not_after=not_after,
            ),
        )
        is_root = self.certificate.subject == self.certificate.issuer
        return Leaf(
            certificate=certificate,
            key=key,
            intermediates=() if is_root else (self.certificate, *self.above),
        )

    def revocation_list(
        self,
        *,
        serials: Iterable[int] = (),
        number: int | None = 1,
        this_update: datetime | None = None,
        next_update: datetime | None = None,
        expires: bool = True,
        delta_of: int | None = None,
        key_id: x509.AuthorityKeyIdentifier | None = None,
    ) -> bytes:
        """
        Make a revocation list of this CA, as PEM.

        Args:
            serials: Revoked serial numbers.
            number: CRLNumber; None leaves it out.
            this_update: An hour ago if None.
            next_update: `CRL_LIFETIME` after *this_update* if None.
            expires: False leaves nextUpdate out.
            delta_of: The number of the full list that a delta list is based on.
            key_id: By which it names the key that signed it; None: it does not.
        """
        start = this_update or real_now() - HOUR
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(start)
            .next_update(next_update or start + CRL_LIFETIME)
        )
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        if delta_of is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(delta_of), critical=True)
        if key_id is not None:
            builder = builder.add_extension(key_id, critical=False)
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(start)
            builder = builder.add_revoked_certificate(revoked.build())
        crl = builder.sign(self.key, _hash_for(self.key))
        return pem(crl if expires else without_next_update(crl, self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a certificate has besides names, key and issuer; all of it may stay as it is."""

    ca: bool = False
    usage: x509.ObjectIdentifier | None = None
    """Extended key usage; None: no such extension."""
    key_usage: x509.KeyUsage | None = None
    """None: what fits *ca* (keyCertSign and cRLSign), or nothing at all for a leaf."""
    path_length: int | None = None
    constraints: x509.NameConstraints | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    serial: int | None = None


def build_certificate(
    *,
    subject: str | None,
    key: PrivateKey,
    issuer: Authority | None,
    names: Iterable[str] = (),
    extras: Extras,
) -> x509.Certificate:
    """
    Make a certificate out of its parts.

    Args:
        subject: Common name; None: an empty subject.
        key: Whose public half is certified, and which signs if there is no *issuer*.
        names: Host names and IP addresses for the SAN; none: no SAN.
    """
    start = extras.not_before or real_now() - HOUR
    lifetime = CA_LIFETIME if extras.ca else LEAF_LIFETIME
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer.certificate.subject if issuer else name(subject))
        .public_key(key.public_key())
        .serial_number(extras.serial or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(extras.not_after or start + lifetime)
        .add_extension(
            x509.BasicConstraints(ca=extras.ca, path_length=extras.path_length), critical=True
        )
    )
    # Python 3.13 and later refuse a chain without the two key identifiers.
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    )
    if issuer:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    usage = extras.key_usage or (key_usage(cert_sign=True, crl_sign=True) if extras.ca else None)
    if usage:
        builder = builder.add_extension(usage, critical=True)
    if extras.constraints:
        builder = builder.add_extension(extras.constraints, critical=True)
    if extras.usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([extras.usage]), critical=False)
    if alternatives := [_general_name(one) for one in names]:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=subject is None
        )
    signer = issuer.key if issuer else key
    return builder.sign(signer, _hash_for(signer))


def key_usage(*, cert_sign: bool, crl_sign: bool) -> x509.KeyUsage:
    """Make the key usage of a CA."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def make_root(
    common_name: str = "Test root",
    *,
    kind: KeyType = KeyType.EC,
    key: PrivateKey | None = None,
    extras: Extras | None = None,
) -> Authority:
    """Make a self-signed CA; *key* takes over the key of an older one."""
    key = key or make_key(kind)
    certificate = build_certificate(
        subject=common_name,
        key=key,
        issuer=None,
        extras=replace(extras or Extras(), ca=True),
    )
    return Authority(certificate=certificate, key=key)


def self_signed(*names: str, ca: bool = False, kind: KeyType = KeyType.EC) -> Leaf:
    """
    Make a certificate that is its own issuer.

    With *ca* it is what ``openssl req -x509`` makes by default.
    """
    key = make_key(kind)
    certificate = build_certificate(
        subject=names[0], key=key, issuer=None, names=names, extras=Extras(ca=ca)
    )
    return Leaf(certificate=certificate, key=key)


def cert_manager_temporary(*names: str) -> Leaf:
    """
    Make what cert-manager puts into a Secret while the issuer has not answered.

    Source: pkg/util/pki, GenerateLocallySignedTemporaryCertificate: a throw-away CA of that name
    signs the certificate for the real key.
    """
    return make_root(CERT_MANAGER).leaf(*names)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _hash_for(key: PrivateKey) -> hashes.SHA256 | None:
    """Ed25519 brings its own."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
