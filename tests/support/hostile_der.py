"""
Keys, certificates and lists that are small and cost a parser, or whoever verifies, seconds.

Nothing of it is computed here either: the numbers have the right length and nothing else.
"""

import random
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from support import der, odd_pem, pki

RSA = bytes.fromhex("06092a864886f70d010101")
SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
DH = bytes.fromhex("06092a864886f70d010301")
DHX = bytes.fromhex("06072a8648ce3e0201")
X25519 = bytes.fromhex("06032b656e")
COMMON_NAME = bytes.fromhex("0603550403")

SUBJECT_KEY = 6
"""Index of the public key among what is signed of a certificate."""


def integer(number: int) -> bytes:
    """Write a number that is not negative."""
    return der.element(der.INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def odd(bits: int, seed: int = 0) -> int:
    """Give an odd number of that length."""
    return random.Random(seed or bits).getrandbits(bits) | 1 | 1 << (bits - 1)  # noqa: S311


def sequence(*parts: bytes) -> bytes:
    """Write a SEQUENCE."""
    return der.element(der.SEQUENCE, b"".join(parts))


def safe_prime_of_8192_bits() -> int:
    """Give group 18 of RFC 3526, for which a test of primality goes through all its rounds."""
    precision = 8192 + 64

    def arctangent_of_inverse(number: int) -> int:
        term = (1 << precision) // number
        total, divisor, sign = term, 3, -1
        while term:
            term //= number * number
            total += sign * (term // divisor)
            divisor, sign = divisor + 2, -sign
        return total

    pi = 4 * (4 * arctangent_of_inverse(5) - arctangent_of_inverse(239))
    middle = (pi >> (precision - (8192 - 130))) + 4743158
    return (1 << 8192) - (1 << (8192 - 64)) - 1 + (middle << 64)


def diffie_hellman_group() -> bytes:
    """Give the parameters of X9.42: the parser tests both numbers for primality."""
    p = safe_prime_of_8192_bits()
    return sequence(integer(p), integer(4), integer((p - 1) // 2))


def long_form(tag: int, content: bytes) -> bytes:
    """Write an element whose length takes eight octets, as no DER does."""
    return bytes([tag, 0x88]) + len(content).to_bytes(8, "big") + content


def diffie_hellman_key() -> bytes:
    """
    Write a PKCS#8 key of version 2 with lengths that are too long, as PEM.

    Its algorithm stands further behind than in any key of DER, and it is written anew before it is
    parsed.
    """
    algorithm = long_form(der.SEQUENCE, DHX + diffie_hellman_group())
    secret = der.element(der.OCTET_STRING, integer(5))
    whole = long_form(der.SEQUENCE, long_form(der.INTEGER, b"\1") + algorithm + secret)
    return odd_pem.to_block(whole, "PRIVATE KEY")


def key_in_pkcs8(algorithm: bytes, content: bytes) -> bytes:
    """Write a PKCS#8 key, as PEM."""
    parts = (integer(0), sequence(algorithm), der.element(der.OCTET_STRING, content))
    return odd_pem.to_block(sequence(*parts), "PRIVATE KEY")


def rsa_key(numbers: Sequence[int], *, version: int = 0, more: bytes = b"") -> bytes:
    """Write n, e, d, p, q, dP, dQ and the coefficient as PKCS#1, as PEM."""
    content = b"".join(map(integer, (version, *numbers))) + more
    return odd_pem.to_block(der.element(der.SEQUENCE, content), "RSA PRIVATE KEY")


def with_public_key(ca: pki.Authority, algorithm: bytes, key: bytes) -> bytes:
    """Put another public key into a root with an EC key; as DER."""
    parts = der.tbs_parts(pki.der(ca.certificate))
    bit_string = der.element(der.BIT_STRING, b"\0" + key)
    parts[SUBJECT_KEY] = sequence(sequence(algorithm), bit_string)
    return der.signed(parts, _ec(ca))


def with_rsa_public_key(ca: pki.Authority, *, bits: int, exponent: int = 65537) -> bytes:
    """Put an RSA public key of that length into a root with an EC key; as DER."""
    return with_public_key(ca, RSA + b"\5\0", sequence(integer(odd(bits)), integer(exponent)))


def with_name(ca: pki.Authority, parts: int) -> bytes:
    """Give a root with an EC key a name of so many parts; as DER."""
    part = der.element(0x31, sequence(COMMON_NAME, der.element(0x0C, b"ab")))
    whole = der.tbs_parts(pki.der(ca.certificate))
    whole[3] = whole[5] = der.element(der.SEQUENCE, part * parts)
    return der.signed(whole, _ec(ca))


def list_with_name(ca: pki.Authority, parts: int) -> bytes:
    """Give the revocation list of a root with an EC key a name of so many parts; as DER."""
    part = der.element(0x31, sequence(COMMON_NAME, der.element(0x0C, b"ab")))
    crl = x509.load_pem_x509_crl(ca.revocation_list())
    whole = der.tbs_parts(pki.der(crl))
    whole[2] = der.element(der.SEQUENCE, part * parts)
    return der.signed(whole, _ec(ca))


def slow_namesakes(count: int, *, bits: int, exponent_bits: int = 64) -> bytes:
    """Give a bundle of CAs of one name, each with an RSA key that nobody has, without key ids."""
    ca = pki.make_root("Clients")
    found = []
    for number in range(count):
        parts = der.tbs_parts(pki.der(ca.certificate))
        key = sequence(integer(odd(bits, number + 1)), integer(odd(exponent_bits)))
        parts[SUBJECT_KEY] = sequence(
            sequence(RSA + b"\5\0"), der.element(der.BIT_STRING, b"\0" + key)
        )
        found.append(odd_pem.to_block(der.signed(_without_key_id(parts), _ec(ca))))
    return b"".join(found)


def list_signed_with_rsa(*, bits: int) -> bytes:
    """Give a list of CAs of `slow_namesakes` with a signature that none of them has made."""
    crl = x509.load_pem_x509_crl(pki.make_root("Clients").revocation_list())
    parts = der.tbs_parts(pki.der(crl))
    parts[1] = sequence(SHA256_WITH_RSA, b"\5\0")
    signature = random.Random(bits).randbytes(bits // 8 - 1)  # noqa: S311
    bit_string = der.element(der.BIT_STRING, b"\0\0" + signature)
    return odd_pem.to_block(sequence(sequence(*parts), parts[1], bit_string), "X509 CRL")


def _without_key_id(parts: list[bytes]) -> list[bytes]:
    *others, wrapper = parts
    extensions = der.parts(der.parts(wrapper)[0])
    kept = [each for each in extensions if bytes.fromhex("0603551d0e") not in each]
    return [*others, der.element(wrapper[0], sequence(*kept))]


def _ec(ca: pki.Authority) -> ec.EllipticCurvePrivateKey:
    if not isinstance(ca.key, ec.EllipticCurvePrivateKey):
        raise TypeError(type(ca.key))
    return ca.key
