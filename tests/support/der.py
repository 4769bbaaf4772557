"""
Surgery on signed DER, for certificates and lists that cryptography reads but refuses to write.

A certificate and a CRL are both SEQUENCE {to be signed, algorithm, signature}. Take the first one
apart with `tbs_parts`, change it, and let `signed` put all together again.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

SEQUENCE = 0x30
INTEGER = 0x02
OCTET_STRING = 0x04
BIT_STRING = 0x03
TIMES = frozenset({0x17, 0x18})
"""UTCTime and GeneralizedTime."""

ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
RSA_PSS = bytes.fromhex("300b06092a864886f70d01010a")


def element(tag: int, content: bytes) -> bytes:
    """Write one element with a definite length."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def oid(name: x509.ObjectIdentifier) -> bytes:
    """Write an object identifier."""
    first, second, *rest = map(int, name.dotted_string.split("."))
    content = b""
    for arc in (first * 40 + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(arc & 0x7F | 0x80)
        content += bytes(reversed(octets))
    return element(0x06, content)


def parts(constructed: bytes) -> list[bytes]:
    """Split the content of one constructed element into its elements."""
    content = constructed[_header(constructed) :]
    found: list[bytes] = []
    while content:
        end = _end(content)
        found.append(content[:end])
        content = content[end:]
    return found


def tbs_parts(signed_der: bytes) -> list[bytes]:
    """Split what is signed in a certificate or a CRL into its elements."""
    return parts(parts(signed_der)[0])


def signed(
    to_be_signed: Sequence[bytes],
    key: ec.EllipticCurvePrivateKey,
    *,
    algorithm: bytes = ECDSA_SHA256,
) -> bytes:
    """Sign the elements anew, with SHA-1 if *algorithm* says so, else with SHA-256."""
    tbs = element(SEQUENCE, b"".join(to_be_signed))
    digest = hashes.SHA1() if algorithm == ECDSA_SHA1 else hashes.SHA256()  # noqa: S303  # Weak is the point.
    signature = key.sign(tbs, ec.ECDSA(digest))
    return element(SEQUENCE, tbs + algorithm + element(BIT_STRING, b"\0" + signature))


def _header(of: bytes) -> int:
    """Count the bytes of tag and length."""
    return 2 if of[1] < 0x80 else 2 + (of[1] & 0x7F)


def _end(of: bytes) -> int:
    """Give the position behind the first element."""
    header = _header(of)
    size = of[1] if header == 2 else int.from_bytes(of[2:header], "big")
    return header + size
