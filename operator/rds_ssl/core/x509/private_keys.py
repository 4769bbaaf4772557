"""
Reads a private key and proves that it is the one of a certificate, in less than a millisecond.

Kept apart from `rds_ssl.core.x509.pem` because this is the one place that touches key material.
"""

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from rds_ssl.core.x509 import lax_der, pem_errors

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)

_UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    exceptions.InternalError,
    exceptions.UnsupportedAlgorithm,
)
"""All that cryptography raises for bytes that are no key."""

MAX_RSA_BITS = 8192
"""The largest modulus; what is computed below takes 0.2 ms for it."""

_NO_TLS_KEYS = (
    bytes.fromhex("06092a864886f70d010301"),  # dhKeyAgreement (PKCS#3)
    bytes.fromhex("06072a8648ce3e0201"),  # dhpublicnumber (X9.42)
    bytes.fromhex("06072a8648ce380401"),  # dsa
)
"""
Algorithms, as DER object identifiers, of keys that cryptography reads and TLS servers do not use.
To read a Diffie-Hellman key is to test its group for primality, which takes seconds.
"""

_PKCS8_HEAD = 32
"""Bytes of a PKCS#8 key in which its algorithm stands: two lengths, a version, the identifier."""

_TLS_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): "P-256",
    bytes.fromhex("2b81040022"): "P-384",
    bytes.fromhex("2b81040023"): "P-521",
}
"""
Curves of keys that TLS serves, by the content of their object identifiers; with any other the
handshake fails (measured with OpenSSL 3.0 and Go 1.26; docs/certificates.md).
"""

_TLS_CURVE_NAMES = frozenset({"secp256r1", "secp384r1", "secp521r1"})

_PARAMETERS = 0xA0
"""Tag of the curve in a key of SEC1."""

_EC = bytes.fromhex("2a8648ce3d0201")
"""Content of the object identifier of ecPublicKey."""


def load_private_key(der: bytes, *, field: str) -> PrivateKey:
    """
    Return the key in *der*: PKCS#8 of either version, PKCS#1 or SEC1, not encrypted.

    The numbers of an RSA key are read, not checked; `prove_private_key` does that.

    Raises:
        MaterialError: If it cannot be read, or is of a kind that serves no TLS; no error tells
            anything of what is in it.
    """
    if any(algorithm in der[:_PKCS8_HEAD] for algorithm in _NO_TLS_KEYS):
        raise pem_errors.kind_of_key(field)
    key: object = None
    unsupported = False
    try:
        # OpenSSL's own check tests the primes of an RSA key: 60 ms for 2048 bits, 0.5 s for 4096.
        key = serialization.load_der_private_key(
            _first_version(der), password=None, unsafe_skip_rsa_key_validation=True
        )
    except exceptions.UnsupportedAlgorithm:
        unsupported = True
    except _UNREADABLE:
        unsupported = _has_other_curve(der)
    # Raised down here, so that no error of a library hangs on to ours.
    if unsupported:
        raise pem_errors.kind_of_key(field)
    if key is None:
        raise pem_errors.private_key(field)
    if not isinstance(key, PrivateKey):
        raise pem_errors.kind_of_key(field)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name not in _TLS_CURVE_NAMES:
        raise pem_errors.curve_of_key(field, curve=key.curve.name)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size > MAX_RSA_BITS:
        raise pem_errors.large_key(field, most=MAX_RSA_BITS)
    return key


def _first_version(der: bytes) -> bytes:
    """
    Return a key in PKCS#8 of version 2, which has the public half too, as one of version 1.

    Source: RFC 5958, 2; OpenSSL 3.0 and cryptography read the first version only.
    """
    outer = lax_der.element(der)
    parts = list(lax_der.children(outer[0][1])) if outer and not outer[1] else []
    tags = [tag for tag, _ in parts[:3]]
    is_pkcs8 = tags == [lax_der.INTEGER, lax_der.SEQUENCE, lax_der.OCTET_STRING]
    if not is_pkcs8 or parts[0][1] != b"\x01":
        return der
    content = b"".join(lax_der.written(tag, part) for tag, part in parts[1:3])
    return lax_der.written(lax_der.SEQUENCE, lax_der.written(lax_der.INTEGER, b"\0") + content)


def _has_other_curve(der: bytes) -> bool:
    """True if *der* is a key on a curve that is no curve of TLS, perhaps one without a name."""
    outer = lax_der.element(der)
    parts = list(lax_der.children(outer[0][1])) if outer and not outer[1] else []
    for tag, content in parts[1:3]:
        inner = list(lax_der.children(content))
        if tag == lax_der.SEQUENCE and len(inner) == 2 and inner[0] == (lax_der.OID, _EC):
            return inner[1][1] not in _TLS_CURVES
        if tag == _PARAMETERS and inner:
            return inner[0][1] not in _TLS_CURVES
    return False


def fits(key: PrivateKey, certificate: x509.Certificate) -> bool:
    """True if the public half of *key* is the public key of *certificate*."""
    return certificate.public_key() == key.public_key()


def prove_private_key(key: PrivateKey, *, field: str) -> None:
    """
    Raise `MaterialError` if *key*, whose public half fits a certificate, cannot sign for it.

    cryptography has compared both halves of keys on a curve when it read them. Of an RSA key all
    numbers are held against the modulus, as OpenSSL does (RSA_check_key), but for one thing: that
    the two factors are prime. They need no test. The modulus is the certificate's, and if that is
    the product of two primes, as the modulus of every RSA certificate is, then no other two numbers
    multiply to it. A signature, verified, would show less at fifty times the cost: OpenSSL
    repairs one that a wrong CRT number has spoilt, and a TLS server need not.

    Source: RFC 8017, 3.2 (what the numbers of a private key are to each other).
    """
    if not isinstance(key, rsa.RSAPrivateKey):
        return
    numbers = key.private_numbers()
    p, q, d = numbers.p, numbers.q, numbers.d
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    sound = (
        # First, since it bounds all that follows: p and q are no larger than the modulus.
        min(p, q) > 1
        and p * q == n
        and (d * e) % (p - 1) == 1 % (p - 1)
        and (d * e) % (q - 1) == 1 % (q - 1)
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and (numbers.iqmp * q) % p == 1
    )
    if not sound:
        raise pem_errors.private_key(field)
