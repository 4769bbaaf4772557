"""Private keys that customers send: only their public half is of interest here."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rds_simulator.pem import MaterialError, read_blocks

RSA_BITS_MAX = 16384
"""Of a modulus. Source: OPENSSL_RSA_MAX_MODULUS_BITS, above which OpenSSL verifies nothing."""

COMPUTED_BYTES_MAX = 2048
"""DER of a PKCS#8 key of DSA or DH, whose public half is computed when it is read: 0.06 s for this
many, 3 s for three times as many. The largest DSA key that is standardised has 900."""

_COMPUTED = tuple(
    bytes.fromhex(oid)
    for oid in ("06072a8648ce380401", "06092a864886f70d010301", "06072a8648ce3e0201")
)
"""Object identifiers of DSA, of DH and of X9.42's DH, DER."""

_HEAD = 32
"""Bytes of a PKCS#8 key within which its algorithm stands."""


def public_half(text: str) -> bytes:
    """
    Give the public key (SubjectPublicKeyInfo, DER) that belongs to a private key (PEM).

    Of an RSA key everything is checked but that its two factors are prime, on which OpenSSL spends
    52 ms of CPU at 2048 bits and 370 at 4096. The library warns that *using* a key without primes
    may hang or crash; nothing is signed or decrypted here: the key is compared with its
    certificate, kept, and shown again. No damage to a key leaves all the other equations true, so
    what is taken here and not by a real gateway has to be made on purpose.

    Raises:
        MaterialError: If it does not parse, is encrypted, or its numbers do not belong together.
    """
    if len(text) > COMPUTED_BYTES_MAX and "-----BEGIN PRIVATE KEY-----" in text:
        _check_size(text)
    try:
        key = serialization.load_pem_private_key(
            text.encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except TypeError as error:
        raise MaterialError("the private key is encrypted") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MaterialError("the private key does not parse") from error
    if isinstance(key, rsa.RSAPrivateKey) and not _belong_together(key):
        raise MaterialError("the private key does not parse")
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _check_size(text: str) -> None:
    for der in read_blocks(text, "PRIVATE KEY"):
        if len(der) > COMPUTED_BYTES_MAX and any(oid in der[:_HEAD] for oid in _COMPUTED):
            raise MaterialError("the private key does not parse")


def _belong_together(key: rsa.RSAPrivateKey) -> bool:
    """Whether the numbers of an RSA key are those of one key, if its factors are prime."""
    if key.key_size > RSA_BITS_MAX:
        return False
    numbers = key.private_numbers()
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    # Sizes first: the others may be as large as a request.
    if not (1 < p < n and 1 < q < n and 1 < e < n and 1 < d < n):
        return False
    return (
        p * q == n
        and d * e % (p - 1) == d * e % (q - 1) == 1
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and 0 < numbers.iqmp < p
        and q * numbers.iqmp % p == 1
    )
