"""
Reads a private key and proves that it is the one of a certificate, in less than a millisecond.

Kept apart from `rds_ssl.core.x509.pem` because this is the one place that touches key material.
"""

import contextlib

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from rds_ssl.core.x509 import pem_errors

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


def load_private_key(der: bytes, *, field: str) -> PrivateKey:
    """
    Return the key in *der*: PKCS#8, PKCS#1 or SEC1, not encrypted.

    The numbers of an RSA key are read, not checked; `prove_private_key` does that.

    Raises:
        MaterialError: If it cannot be read, or is of a kind that serves no TLS; no error tells
            anything of what is in it.
    """
    if any(algorithm in der[:_PKCS8_HEAD] for algorithm in _NO_TLS_KEYS):
        raise pem_errors.kind_of_key(field)
    key: object = None
    with contextlib.suppress(*_UNREADABLE):
        # OpenSSL's own check tests the primes of an RSA key: 60 ms for 2048 bits, 0.5 s for 4096.
        key = serialization.load_der_private_key(
            der, password=None, unsafe_skip_rsa_key_validation=True
        )
    # Raised down here, so that no error of a library hangs on to ours.
    if key is None:
        raise pem_errors.private_key(field)
    if not isinstance(key, PrivateKey):
        raise pem_errors.kind_of_key(field)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size > MAX_RSA_BITS:
        raise pem_errors.large_key(field, most=MAX_RSA_BITS)
    return key


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
