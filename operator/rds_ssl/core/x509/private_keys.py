"""
Reads a private key and proves that it is the one of a certificate, in less than a millisecond.

Kept apart from `rds_ssl.core.x509.pem` because this is the one place that touches key material.
"""

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from rds_ssl.core.x509 import bounds, lax_der, pem_errors

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

_OF_TLS = frozenset({bounds.RSA, bounds.RSA_PSS, bounds.EC, bounds.ED25519, bounds.ED448})
"""
Algorithms of keys that are read at all. Of others TLS serves none, and to read one may take long:
of a Diffie-Hellman key the group is tested for primality, 43 s for 2 KB.
"""

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


def load_private_key(der: bytes, *, field: str) -> PrivateKey:
    """
    Return the key in *der*: PKCS#8 of either version, PKCS#1 or SEC1, not encrypted.

    The numbers of an RSA key are read, not checked; `prove_private_key` does that. Their lengths
    are looked at before, in what is not parsed yet.

    Raises:
        MaterialError: If it cannot be read, or is of a kind that serves no TLS; no error tells
            anything of what is in it.
    """
    _must_be_bounded(der, field=field)
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
    return key


def _must_be_bounded(der: bytes, *, field: str) -> None:
    """Raise `MaterialError` unless a library may be given *der*: see `rds_ssl.core.x509.bounds`."""
    if bounds.algorithm_of(lax_der.inside(der)) not in {None, *_OF_TLS}:
        raise pem_errors.kind_of_key(field)
    numbers = bounds.rsa_numbers(der)
    if numbers is None:
        return
    if bounds.has_more_primes(der):
        raise pem_errors.primes_of_key(field)
    if numbers and lax_der.bits(numbers[0]) > MAX_RSA_BITS:
        raise pem_errors.large_key(field, most=MAX_RSA_BITS)
    if numbers and lax_der.bits(numbers[1]) > bounds.MAX_EXPONENT_BITS:
        raise pem_errors.exponent_of_key(field, most=bounds.MAX_EXPONENT_BITS)
    if not bounds.add_up(numbers):
        raise pem_errors.private_key(field)


def _first_version(der: bytes) -> bytes:
    """
    Return a key in PKCS#8 of version 2, which has the public half too, as one of version 1.

    Source: RFC 5958, 2; OpenSSL 3.0 and cryptography read the first version only.
    """
    parts = lax_der.inside(der)
    if bounds.algorithm_of(parts) is None or parts[0][1] != b"\x01":
        return der
    content = b"".join(lax_der.written(tag, part) for tag, part in parts[1:3])
    return lax_der.written(lax_der.SEQUENCE, lax_der.written(lax_der.INTEGER, b"\0") + content)


def _has_other_curve(der: bytes) -> bool:
    """True if *der* is a key on a curve that is no curve of TLS, perhaps one without a name."""
    for tag, content in lax_der.inside(der)[1:3]:
        inner = list(lax_der.children(content))
        if tag == lax_der.SEQUENCE and len(inner) == 2 and inner[0] == (lax_der.OID, bounds.EC):
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
