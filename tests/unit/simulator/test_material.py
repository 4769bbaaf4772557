"""What a customer may send as PEM: damaged keys, absurd sizes, text that is hard to search."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, rsa

from support import der, pki
from support.simulator import InProcess

HOST = "pg.pg.rds.aliyuncs.com"
REFUSED = (400, "InvalidServerCertOrPrivateKey")

DSA = x509.ObjectIdentifier("1.2.840.10040.4.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """An RSA key, in the order of PKCS#1."""

    n: int
    e: int
    d: int
    p: int
    q: int
    dmp1: int
    dmq1: int
    iqmp: int

    def pem(self) -> str:
        values = (0, self.n, self.e, self.d, self.p, self.q, self.dmp1, self.dmq1, self.iqmp)
        return as_pem(sequence(*map(integer, values)), "RSA PRIVATE KEY")


def integer(value: int) -> bytes:
    return der.element(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def sequence(*of: bytes) -> bytes:
    return der.element(der.SEQUENCE, b"".join(of))


def as_pem(of: bytes, label: str) -> str:
    text = base64.encodebytes(of).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


def send(rds: InProcess, certificate: str, key: str) -> tuple[int, str]:
    response = rds.modify("pg", CAType="custom", ServerCert=certificate, ServerKey=key)
    return response.status_code, response.json().get("Code", "")


@pytest.fixture(scope="module")
def leaf(root: pki.Authority) -> pki.Leaf:
    """A leaf with an RSA key."""
    return root.leaf(HOST, kind=pki.KeyType.RSA_2048)


@pytest.fixture(scope="module")
def numbers(leaf: pki.Leaf) -> Numbers:
    """The key of that leaf."""
    assert isinstance(leaf.key, rsa.RSAPrivateKey)
    private = leaf.key.private_numbers()
    return Numbers(
        n=private.public_numbers.n,
        e=private.public_numbers.e,
        d=private.d,
        p=private.p,
        q=private.q,
        dmp1=private.dmp1,
        dmq1=private.dmq1,
        iqmp=private.iqmp,
    )


def test_a_key_written_from_its_numbers_is_taken(
    rds: InProcess, leaf: pki.Leaf, numbers: Numbers
) -> None:
    assert send(rds, leaf.chain_pem.decode(), numbers.pem()) == (200, "")


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dmp1", "dmq1", "iqmp"])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda value: value ^ 2, id="a bit"),
        pytest.param(lambda _: 0, id="zero"),
        pytest.param(lambda _: 1, id="one"),
        pytest.param(lambda value: value << 1_000_000, id="a million bits"),
    ],
)
def test_a_key_with_one_wrong_number_is_refused(
    rds: InProcess, leaf: pki.Leaf, numbers: Numbers, name: str, damage: Callable[[int], int]
) -> None:
    damaged = replace(numbers, **{name: damage(getattr(numbers, name))})

    assert send(rds, leaf.chain_pem.decode(), damaged.pem()) == REFUSED


def test_a_key_larger_than_any_that_is_used_is_refused(rds: InProcess, leaf: pki.Leaf) -> None:
    huge = 1 << 1_000_000 | 1
    key = Numbers(n=huge * huge, e=65537, d=huge, p=huge, q=huge, dmp1=huge, dmq1=huge, iqmp=huge)

    assert send(rds, leaf.chain_pem.decode(), key.pem()) == REFUSED


def test_a_key_whose_public_half_would_take_minutes_is_refused(
    rds: InProcess, leaf: pki.Leaf
) -> None:
    p = 1 << 200_000 | 1
    parameters = sequence(integer(p), integer(p >> 1), integer(p >> 2))
    algorithm = sequence(der.oid(DSA), parameters)
    pkcs8 = sequence(integer(0), algorithm, der.element(der.OCTET_STRING, integer(p >> 1)))

    assert send(rds, leaf.chain_pem.decode(), as_pem(pkcs8, "PRIVATE KEY")) == REFUSED


def test_a_dsa_key_of_a_usual_size_is_refused_as_not_the_leafs(
    rds: InProcess, leaf: pki.Leaf
) -> None:
    key = pki.key_pem(dsa.generate_private_key(1024))  # type: ignore[arg-type]  # noqa: S505

    assert send(rds, leaf.chain_pem.decode(), key.decode()) == REFUSED


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("-----BEGIN CERTIFICATE-----" + "\n" * 500_000, id="white space"),
        pytest.param("-----BEGIN CERTIFICATE-----" * 30_000, id="beginnings"),
        pytest.param("-----END CERTIFICATE-----" * 30_000, id="ends"),
        pytest.param("-----BEGIN CERTIFICATE-----\né\n-----END CERTIFICATE-----", id="not ASCII"),
    ],
)
def test_text_that_is_hard_to_search_is_refused_at_once(
    rds: InProcess, leaf: pki.Leaf, text: str
) -> None:
    assert send(rds, text, leaf.key_pem().decode()) == REFUSED


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("-----BEGIN OTHER-----", id="a beginning without an end"),
        pytest.param("-----END CERTIFICATE-----", id="an end without a beginning"),
        pytest.param(
            "-----BEGIN OTHER-----\n-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"
            "-----END OTHER-----\n",
            id="a block within another",
        ),
        pytest.param("-----BEGIN OTHER-----\n-----END ONE-----END OTHER-----", id="shared dashes"),
    ],
)
def test_what_stands_around_a_certificate_is_ignored(
    rds: InProcess, leaf: pki.Leaf, before: str
) -> None:
    certificate = before + leaf.chain_pem.decode()

    assert send(rds, certificate, leaf.key_pem().decode()) == (200, "")
