"""
What is too large, or of no use, to be given to a library: seen from the outline of DER alone. Pure.

A call into C holds the interpreter's lock, so that no thread helps against it: the parser's test of
a Diffie-Hellman group takes 48 s for a certificate of 2 KB. What passes here takes some
milliseconds, which tests/unit/core/x509/test_bounds.py measures.
"""

from collections.abc import Sequence

from rds_ssl.core.x509 import lax_der

RSA = bytes.fromhex("2a864886f70d010101")
RSA_PSS = bytes.fromhex("2a864886f70d01010a")
EC = bytes.fromhex("2a8648ce3d0201")
DSA = bytes.fromhex("2a8648ce380401")
ED25519, ED448 = bytes.fromhex("2b6570"), bytes.fromhex("2b6571")
"""Contents of the object identifiers of keys that sign; all others agree on a secret, or hold."""

SIGNING = frozenset({RSA, RSA_PSS, EC, DSA, ED25519, ED448})

MAX_MODULUS_BITS = 16384
"""
Of an RSA key in a certificate: OpenSSL, also PostgreSQL's, verifies with no larger one.
Source: OPENSSL_RSA_MAX_MODULUS_BITS.
"""

MAX_NAME_BYTES = 8 * 1024
"""
Of a subject or an issuer: ten times what the longest in use have. A parser makes an object of each
part, of which 7 bytes are enough: a name of 150 KB takes 100 ms.
"""

MAX_PRIME_BITS_ASIDE = 1
"""By how much the lengths of two primes may exceed that of their product."""

MAX_EXPONENT_BITS = 256
"""Of a public exponent. Source: FIPS 186-5, A.1.1; all in use have 17."""

SPARE_BITS = 64
"""By how much a private exponent may be longer than it has to be, for it is not unique."""

_RSA_NUMBERS = 9
"""Of an RSA private key with two primes, the version among them (RFC 8017, A.1.2)."""

_DSA_NUMBERS = 6


def certificate_excess(der: bytes) -> str:
    """Return what of a certificate is not to be parsed, as ``it has …``; empty if all of it is."""
    parts = list(lax_der.to_be_signed(der))
    # Its version may be left out. What is no certificate is told by whoever parses it.
    if parts and parts[0][0] != lax_der.INTEGER:
        del parts[0]
    if len(parts) < 6:
        return ""
    if max(len(parts[2][1]), len(parts[4][1])) > MAX_NAME_BYTES:
        return _long_name()
    return _key_excess(parts[5])


def revocation_list_excess(der: bytes) -> str:
    """Return the same of a revocation list."""
    parts = list(lax_der.to_be_signed(der))
    if parts and parts[0][0] == lax_der.INTEGER:
        del parts[0]
    return _long_name() if len(parts) > 1 and len(parts[1][1]) > MAX_NAME_BYTES else ""


def _long_name() -> str:
    return f"it has a name of more than {MAX_NAME_BYTES // 1024} KiB"


def _key_excess(info: lax_der.Element) -> str:
    """*info*: a SubjectPublicKeyInfo."""
    pair = tuple(lax_der.children(info[1]))
    algorithm = tuple(lax_der.children(pair[0][1])) if pair else ()
    if len(pair) < 2 or not algorithm or algorithm[0][0] != lax_der.OID:
        return ""
    if algorithm[0][1] not in SIGNING:
        return "it has a key of a kind, or on a curve, that is not supported"
    if algorithm[0][1] in {RSA, RSA_PSS}:
        # The first byte of a BIT STRING counts the bits at its end that do not count.
        modulus = next(iter(lax_der.inside(pair[1][1][1:])), (0, b""))[1]
        if lax_der.bits(modulus) > MAX_MODULUS_BITS:
            return (
                f"it has an RSA key of more than {MAX_MODULUS_BITS} bits, which OpenSSL does not"
                " take"
            )
    return ""


def algorithm_of(parts: Sequence[lax_der.Element]) -> bytes | None:
    """Return the content of the identifier of a PKCS#8 key's algorithm; None if it is no PKCS#8."""
    tags = [tag for tag, _ in parts[:3]]
    if tags != [lax_der.INTEGER, lax_der.SEQUENCE, lax_der.OCTET_STRING]:
        return None
    first = next(lax_der.children(parts[1][1]), (0, b""))
    return first[1] if first[0] == lax_der.OID else b""


def rsa_numbers(der: bytes) -> tuple[bytes, ...] | None:
    """
    Return the numbers of an RSA private key, without its version; None if it is another's.

    *der*: PKCS#1 or PKCS#8. Empty: it says that it is an RSA key, and is none.
    """
    parts = lax_der.inside(der)
    algorithm = algorithm_of(parts)
    if algorithm is not None:
        if algorithm not in {RSA, RSA_PSS}:
            return None
        parts = lax_der.inside(parts[2][1])
    elif [tag for tag, _ in parts[:2]] != [lax_der.INTEGER] * 2 or len(parts) == _DSA_NUMBERS:
        return None
    numbers = tuple(content for tag, content in parts if tag == lax_der.INTEGER)
    return numbers[1:] if len(parts) >= _RSA_NUMBERS else ()


def has_more_primes(der: bytes) -> bool:
    """True if an RSA private key says that it has more than two primes."""
    parts = lax_der.inside(der)
    if algorithm_of(parts) is not None:
        parts = lax_der.inside(parts[2][1])
    return len(parts) > _RSA_NUMBERS or (bool(parts) and parts[0][1] == b"\1")


def add_up(numbers: Sequence[bytes]) -> bool:
    """True if the numbers of an RSA key have lengths that those of one can have."""
    if len(numbers) != _RSA_NUMBERS - 1:
        return False
    n, _, d, p, q, dmp1, dmq1, iqmp = map(lax_der.bits, numbers)
    return (
        p + q <= n + MAX_PRIME_BITS_ASIDE
        and d <= n + SPARE_BITS
        and dmp1 <= p
        and dmq1 <= q
        and iqmp <= p
    )
