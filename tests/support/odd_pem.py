"""
Odd material: certificates that cryptography reads but does not write, and PEM spelled otherwise.

The first half signs changed DER anew, for which *key* must be the issuer's EC key.
"""

import base64
import math

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from support import der as surgery


def with_sha1_mark(certificate: x509.Certificate, key: PrivateKeyTypes) -> x509.Certificate:
    """Let *certificate* say that it is signed with SHA-1; *key* is the issuer's (EC)."""
    tbs = [
        surgery.ECDSA_SHA1 if part == surgery.ECDSA_SHA256 else part
        for part in surgery.tbs_parts(_der(certificate))
    ]
    return _load(surgery.signed(tbs, _ec(key), algorithm=surgery.ECDSA_SHA1))


def with_serial(certificate: x509.Certificate, key: PrivateKeyTypes, serial: int) -> bytes:
    """Give *certificate* another serial number, 0 or negative if need be; as DER."""
    tbs = surgery.tbs_parts(_der(certificate))
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)
    tbs[1] = surgery.element(surgery.INTEGER, octets)
    return surgery.signed(tbs, _ec(key))


def with_broken_extensions(certificate: x509.Certificate, key: PrivateKeyTypes) -> bytes:
    """Spoil the content of the last extension of *certificate*, under a good signature; as DER."""
    *tbs, wrapper = surgery.tbs_parts(_der(certificate))
    *extensions, last = surgery.parts(surgery.parts(wrapper)[0])
    oid = surgery.parts(last)[0]
    broken = surgery.element(
        surgery.SEQUENCE, oid + surgery.element(surgery.OCTET_STRING, b"\xff\xff\xff")
    )
    content = surgery.element(surgery.SEQUENCE, b"".join([*extensions, broken]))
    return surgery.signed([*tbs, surgery.element(wrapper[0], content)], _ec(key))


def as_v1(certificate: x509.Certificate, key: PrivateKeyTypes) -> x509.Certificate:
    """Make *certificate* a version 1 certificate, as old roots are: without any extension."""
    tbs = surgery.tbs_parts(_der(certificate))
    return _load(surgery.signed(tbs[1:-1], _ec(key)))


def with_exponent(key: PrivateKeyTypes, *, bits: int) -> rsa.RSAPrivateKey:
    """Give an RSA *key* another public exponent, of *bits*."""
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(type(key))
    numbers = key.private_numbers()
    p, q = numbers.p, numbers.q
    order = math.lcm(p - 1, q - 1)
    e = (1 << (bits - 1)) + 1
    while math.gcd(e, order) != 1:
        e += 2
    d = pow(e, -1, order)
    return rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=d % (p - 1),
        dmq1=d % (q - 1),
        iqmp=numbers.iqmp,
        public_numbers=rsa.RSAPublicNumbers(e=e, n=p * q),
    ).private_key(unsafe_skip_rsa_key_validation=True)


def without_next_update(
    crl: x509.CertificateRevocationList, key: PrivateKeyTypes
) -> x509.CertificateRevocationList:
    """Leave nextUpdate out of *crl*; *key* is the issuer's (EC)."""
    tbs = surgery.tbs_parts(_der(crl))
    times = [index for index, part in enumerate(tbs) if part[0] in surgery.TIMES]
    del tbs[times[1]]
    return x509.load_der_x509_crl(surgery.signed(tbs, _ec(key)))


def with_extension(
    of: x509.Certificate | x509.CertificateRevocationList,
    key: PrivateKeyTypes,
    oid: str,
    value: bytes,
    *,
    critical: bool = True,
) -> bytes:
    """Add an extension of any content to *of*, which has some already; as DER."""
    *tbs, wrapper = surgery.tbs_parts(_der(of))
    name = x509.ObjectIdentifier(oid)
    marks = bytes.fromhex("0101ff") if critical else b""
    added = surgery.element(
        surgery.SEQUENCE, surgery.oid(name) + marks + surgery.element(surgery.OCTET_STRING, value)
    )
    extensions = b"".join(surgery.parts(surgery.parts(wrapper)[0])) + added
    content = surgery.element(surgery.SEQUENCE, extensions)
    return surgery.signed([*tbs, surgery.element(wrapper[0], content)], _ec(key))


def with_pss_key(certificate: x509.Certificate, key: PrivateKeyTypes) -> bytes:
    """Bind the RSA key of *certificate* to PSS; as DER."""
    tbs = surgery.tbs_parts(_der(certificate))
    tbs[6] = surgery.element(surgery.SEQUENCE, surgery.RSA_PSS + surgery.parts(tbs[6])[1])
    return surgery.signed(tbs, _ec(key))


def in_second_version(key: PrivateKeyTypes) -> bytes:
    """Write *key* as a OneAsymmetricKey (RFC 5958), which has the public half too; as PEM."""
    _, algorithm, private = surgery.parts(_pkcs8(key))[:3]
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    bits = surgery.parts(public)[1]
    content = surgery.element(surgery.INTEGER, b"\1") + algorithm + private + b"\x81" + bits[1:]
    return to_block(surgery.element(surgery.SEQUENCE, content), "PRIVATE KEY")


def on_another_curve(key: PrivateKeyTypes) -> bytes:
    """Let an EC *key* say that it is on SM2's curve, which nobody here knows; as PEM."""
    version, algorithm, private = surgery.parts(_pkcs8(key))[:3]
    curve = surgery.oid(x509.ObjectIdentifier("1.2.156.10197.1.301"))
    other = surgery.element(surgery.SEQUENCE, surgery.parts(algorithm)[0] + curve)
    return to_block(surgery.element(surgery.SEQUENCE, version + other + private), "PRIVATE KEY")


def off_the_curve(key: PrivateKeyTypes) -> bytes:
    """Spoil the public half within an EC *key*, whose curve is a good one; as PEM."""
    content = bytearray(_pkcs8(key))
    content[-1] ^= 1
    return to_block(bytes(content), "PRIVATE KEY")


def _pkcs8(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def with_unknown_key(certificate: x509.Certificate, key: PrivateKeyTypes) -> bytes:
    """Give *certificate* a public key of an algorithm that nobody knows; as DER."""
    tbs = surgery.tbs_parts(_der(certificate))
    algorithm = surgery.element(surgery.SEQUENCE, surgery.oid(x509.ObjectIdentifier("1.2.3.4.5")))
    tbs[6] = surgery.element(surgery.SEQUENCE, algorithm + surgery.parts(tbs[6])[1])
    return surgery.signed(tbs, _ec(key))


def with_written_default(
    of: x509.Certificate | x509.CertificateRevocationList, key: PrivateKeyTypes
) -> bytes:
    """Add an extension that says ``critical FALSE``, which strict DER leaves out; as DER."""
    *tbs, wrapper = surgery.tbs_parts(_der(of))
    added = surgery.element(
        surgery.SEQUENCE,
        surgery.oid(x509.ObjectIdentifier("1.2.3.4.5"))
        + bytes.fromhex("010100")
        + surgery.element(surgery.OCTET_STRING, b"\x05\x00"),
    )
    extensions = b"".join(surgery.parts(surgery.parts(wrapper)[0])) + added
    content = surgery.element(surgery.SEQUENCE, extensions)
    return surgery.signed([*tbs, surgery.element(wrapper[0], content)], _ec(key))


def with_version(certificate: x509.Certificate, key: PrivateKeyTypes, version: int) -> bytes:
    """Let *certificate* say that it is of another version; as DER."""
    tbs = surgery.tbs_parts(_der(certificate))
    tbs[0] = surgery.element(tbs[0][0], surgery.element(surgery.INTEGER, bytes([version - 1])))
    return surgery.signed(tbs, _ec(key))


def _der(of: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    return of.public_bytes(serialization.Encoding.DER)


def _load(certificate: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate)


def _ec(key: PrivateKeyTypes) -> ec.EllipticCurvePrivateKey:
    assert isinstance(key, ec.EllipticCurvePrivateKey), "surgery signs with EC keys only"
    return key


# Other spellings of the same PEM, and what people store instead of it.


def to_crlf(text: bytes) -> bytes:
    """End lines as Windows does."""
    return text.replace(b"\n", b"\r\n")


def indented(text: bytes) -> bytes:
    """Indent each line, with blanks at its end, as pasted YAML may be."""
    return b"".join(b"    " + line + b" \n" for line in text.splitlines())


def commented(text: bytes) -> bytes:
    """Put text around the blocks, as ``openssl x509 -text`` and ``openssl pkcs12`` do."""
    return (
        b"# Issued for the orders team \xe2\x80\x93 do not edit\nBag Attributes\n" + text + b"EOF\n"
    )


def on_one_line(text: bytes) -> bytes:
    """Lose the line breaks, as the vendor's pages print PEM."""
    return text.replace(b"\n", b" ")


def escaped(text: bytes) -> bytes:
    r"""Write line breaks as ``\n``, as an environment variable may."""
    return text.replace(b"\n", b"\\n")


def to_utf16(text: bytes) -> bytes:
    """Store as PowerShell's ``>`` does."""
    return text.decode("latin-1").encode("utf-16")


def to_utf32(text: bytes) -> bytes:
    """Store four bytes for each character."""
    return text.decode("latin-1").encode("utf-32-le")


def to_der(text: bytes) -> bytes:
    """Take the bytes out of the first block."""
    body = text.split(b"-----")[2]
    return base64.b64decode(body)


def to_block(content: bytes, label: str = "CERTIFICATE") -> bytes:
    """Write any bytes as a block."""
    lines = base64.encodebytes(content).decode("ascii")
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n".encode()


def flipped(block: bytes) -> bytes:
    """Damage a block in the middle so that it is still base64."""
    content = bytearray(to_der(block))
    content[4] ^= 0xFF
    return to_block(bytes(content), block.split(b"-----")[1].decode()[6:])
