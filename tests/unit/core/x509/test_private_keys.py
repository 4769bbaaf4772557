"""A private key is proved by arithmetic: what does not add up is refused, and nothing stalls."""

import base64
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.core.x509 import private_keys
from rds_ssl.core.x509.pem import parse_server_certificate
from support import der, odd_pem, pki
from support.pki_world import CRT, KEY, World, make_world

RSA = bytes.fromhex("300d06092a864886f70d0101010500")
DH = bytes.fromhex("06092a864886f70d010301")
P256 = bytes.fromhex("06082a8648ce3d030107")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """An RSAPrivateKey of RFC 8017, number by number."""

    n: int
    e: int
    d: int
    p: int
    q: int
    dmp1: int
    dmq1: int
    iqmp: int

    @classmethod
    def of(cls, key: rsa.RSAPrivateKey) -> "Numbers":
        private = key.private_numbers()
        return cls(
            n=private.public_numbers.n,
            e=private.public_numbers.e,
            d=private.d,
            p=private.p,
            q=private.q,
            dmp1=private.dmp1,
            dmq1=private.dmq1,
            iqmp=private.iqmp,
        )

    def pem(self) -> bytes:
        """PKCS#1, whatever the numbers are."""
        numbers = (self.n, self.e, self.d, self.p, self.q, self.dmp1, self.dmq1, self.iqmp)
        content = b"".join(integer(each) for each in (0, *numbers))
        return odd_pem.to_block(der.element(der.SEQUENCE, content), "RSA PRIVATE KEY")


def integer(number: int) -> bytes:
    return der.element(der.INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def changed(numbers: Numbers, **other: int) -> bytes:
    fields = {name: getattr(numbers, name) for name in Numbers.__slots__}
    return Numbers(**{**fields, **other}).pem()


@pytest.fixture(scope="module")
def world() -> World:
    """Some certificates that fit together."""
    return make_world()


@pytest.fixture(scope="module")
def numbers(world: World) -> Numbers:
    """The numbers of the key that fits `world.rsa`."""
    key = world.rsa.key
    assert isinstance(key, rsa.RSAPrivateKey)
    return Numbers.of(key)


def problem(certificate: bytes, key: bytes) -> MaterialError:
    with pytest.raises(MaterialError) as caught:
        parse_server_certificate(certificate, key, certificate_field=CRT, key_field=KEY)
    return caught.value


def test_the_numbers_as_they_are_are_taken(world: World, numbers: Numbers) -> None:
    material = parse_server_certificate(
        world.rsa.pem, numbers.pem(), certificate_field=CRT, key_field=KEY
    )

    assert material.private_key_pem.reveal().encode() == world.rsa.key_pem()


SPOILT: dict[str, Callable[[Numbers], bytes]] = {
    "another exponent": lambda k: changed(k, d=k.d + 2),
    "other factors": lambda k: changed(k, p=k.p + 2),
    "factors swapped alone": lambda k: changed(k, p=k.q, q=k.p),
    "one and the modulus as factors": lambda k: changed(k, p=1, q=k.n),
    "the modulus and one as factors": lambda k: changed(k, p=k.n, q=1),
    "another dP": lambda k: changed(k, dmp1=k.dmp1 + 1),
    "another dQ": lambda k: changed(k, dmq1=k.dmq1 + 1),
    "another coefficient": lambda k: changed(k, iqmp=k.iqmp + 1),
    "zeros": lambda k: changed(k, d=0, p=0, q=0, dmp1=0, dmq1=0, iqmp=0),
    "a huge factor": lambda k: changed(k, p=(1 << 20_000) + 1),
    "a huge exponent": lambda k: changed(k, d=(1 << 20_000) + 1),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_key_whose_numbers_do_not_add_up_is_refused(
    world: World, numbers: Numbers, case: str
) -> None:
    error = problem(world.rsa.pem, SPOILT[case](numbers))

    assert error.reason is Reason.MATERIAL_INVALID
    assert "cannot be read" in str(error) or "private key" in str(error)
    assert error.field == KEY


def test_an_exponent_that_works_as_well_is_taken(world: World, numbers: Numbers) -> None:
    # d is not unique: (p-1)(q-1) may be added, as some programs do.
    other = numbers.d + (numbers.p - 1) * (numbers.q - 1)

    material = parse_server_certificate(
        world.rsa.pem, changed(numbers, d=other), certificate_field=CRT, key_field=KEY
    )

    assert material.facts.leaf.sha256 == world.rsa.certificate.fingerprint(hashes.SHA256()).hex()


def test_a_key_of_another_modulus_does_not_fit(world: World, numbers: Numbers) -> None:
    error = problem(world.rsa.pem, changed(numbers, n=numbers.n + 2))

    assert error.reason is Reason.KEY_MISMATCH


def test_the_halves_of_a_key_on_a_curve_are_compared(world: World) -> None:
    # The public half is the certificate's, the private one is another's.
    assert isinstance(world.leaf.key, ec.EllipticCurvePrivateKey)
    point = world.leaf.key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    other = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    content = (
        der.element(der.INTEGER, b"\1")
        + der.element(der.OCTET_STRING, other.to_bytes(32, "big"))
        + der.element(0xA0, P256)
        + der.element(0xA1, der.element(der.BIT_STRING, b"\0" + point))
    )
    key = odd_pem.to_block(der.element(der.SEQUENCE, content), "EC PRIVATE KEY")

    assert problem(world.leaf.pem, key).field == KEY


def test_a_modulus_above_the_limit_is_refused_before_anything_is_computed(
    world: World, numbers: Numbers
) -> None:
    # A few small numbers leave room for a modulus of 16,384 bits below the limit in bytes.
    error = problem(
        world.rsa.pem,
        changed(numbers, n=(1 << 16_383) + 1, d=3, p=3, q=3, dmp1=1, dmq1=1, iqmp=1),
    )

    assert f"larger than RSA with {private_keys.MAX_RSA_BITS} bits" in str(error)


def test_a_diffie_hellman_key_is_no_key_of_a_server(world: World) -> None:
    # A group that is not prime is "damaged" once somebody has tested it: it must not come to that.
    group = der.element(der.SEQUENCE, integer((1 << 4095) + 1) + integer(2))
    content = (
        integer(0)
        + der.element(der.SEQUENCE, DH + group)
        + der.element(der.OCTET_STRING, integer(12345))
    )
    key = odd_pem.to_block(der.element(der.SEQUENCE, content), "PRIVATE KEY")

    assert "kind that serves no TLS" in str(problem(world.rsa.pem, key))


def test_what_the_library_only_warns_of_is_read_where_warnings_are_errors(world: World) -> None:
    zero = x509.load_der_x509_certificate(
        odd_pem.with_serial(world.root.certificate, world.root.key, 0)
    )
    text = base64.b64encode(pki.pem(zero)).decode()
    program = (
        "import base64, sys; from rds_ssl.core.x509.pem import parse_certificates;"
        "print(parse_certificates(base64.b64decode(sys.argv[1]), field='x')[0].subject)"
    )

    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, text], capture_output=True, check=False
    )

    assert (told.returncode, told.stdout, told.stderr) == (0, b"CN=Test root\n", b"")
